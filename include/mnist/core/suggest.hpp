// "Did you mean": the known name nearest to a misspelt one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mnist {

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours; case ignored), or "" where even
// that one is too far off to be a misspelling of `name`. Of equals the first.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// A hint made of it: "did you mean 'train'?", or "choose one of: train, infer, evaluate" where nothing is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

// Where `name` is among `names`. Throws a usage `Error` if it is not: "there is no optimizer 'adma'", and that hint.
std::size_t index_of(const std::string& name, const std::vector<std::string>& names, const char* what);

}  // namespace mnist
