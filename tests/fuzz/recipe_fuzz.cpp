// The JSON that a model file carries. What is read can be written, and is the same when it is read again.
// Seeds: tests/fuzz/seeds/recipe_*.json
#include <string_view>

#include "mnist/core/recipe.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  mnist::test::refused_or_read([&] {
    const mnist::Recipe recipe = mnist::recipe_from_json(text, "input");
    if (!(mnist::recipe_from_json(to_json(recipe), "copy") == recipe)) std::abort();
  });
  return 0;
}
