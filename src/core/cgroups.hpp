// The control groups that bound what this process gets of the machine; Linux only.
#pragma once

#include <filesystem>
#include <vector>

namespace mnist {

// The folders of this process's groups of version 2, the outermost first: each of them may set a limit.
std::vector<std::filesystem::path> own_cgroups();

}  // namespace mnist
