// Config files. A value that was read can be written as a string, and is the same when it is read again.
// Seeds: tests/fuzz/seeds/config_*.toml
#include <string_view>

#include "fuzz.hpp"
#include "toml.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using mnist::cli::TomlEntry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  mnist::test::refused_or_read([&] {
    for (const TomlEntry& entry : mnist::cli::parse_toml(text, "input")) {
      for (const std::string& value : entry.values) {
        const auto copy = mnist::cli::parse_toml("key = " + mnist::cli::toml_string(value), "copy");
        if (copy.size() != 1 || copy[0].values != std::vector<std::string>{value}) std::abort();
      }
    }
  });
  return 0;
}
