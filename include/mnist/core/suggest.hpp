// "Did you mean ...?": finds the known names that a misspelt one, or one of another program, stands for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mnist {

// The candidates that `name` may stand for; case is ignored. The first of these that finds any:
// - another word for them: "no" for "off", "learning-rate" for "lr", "v" for "verbose" and "version";
// - those that begin with it, if it has four letters: "resnet" for "resnet18", "resnet34" and "resnet50";
// - the one with the smallest edit distance (insert, delete, replace, swap of neighbours), the first one of equals,
//   unless even that is too different to be a misspelling;
// - the longest one that it begins with, if that is half of it: "valid" for "val".
std::vector<std::string> likely(std::string_view name, const std::vector<std::string>& candidates);

// The one that `likely` finds. Returns "" if it finds none or several.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// "did you mean 'train'?", "did you mean '--verbose' or '--version'?" of what `likely` finds; "" if that is nothing.
// `dashes`: printed before each name.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates, const char* dashes = "");

// The hint for a misspelt name: `did_you_mean`, or "choose one of: train, infer, evaluate" if that is empty.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

// The index of `name` in `names`. Throws a usage `Error` with that hint if it is missing: "there is no optimizer
// 'adma'". `what`: "optimizer".
std::size_t index_of(const std::string& name, const std::vector<std::string>& names, const char* what);

}  // namespace mnist
