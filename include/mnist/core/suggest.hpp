// "Did you mean ...?": finds the known name that is nearest to a misspelt one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mnist {

// The candidate with the smallest edit distance to `name` (insert, delete, replace, swap of neighbours; case ignored);
// the first one of equals. Returns "" if even that one is too different to be a misspelling.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// The hint for a misspelt name: "did you mean 'train'?", or "choose one of: train, infer, evaluate" if `nearest` finds
// none.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

// The index of `name` in `names`. Throws a usage `Error` with that hint if it is missing: "there is no optimizer
// 'adma'". `what`: "optimizer".
std::size_t index_of(const std::string& name, const std::vector<std::string>& names, const char* what);

}  // namespace mnist
