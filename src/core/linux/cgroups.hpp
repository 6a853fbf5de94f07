// The control groups (cgroups) that limit the resources of this process; Linux only.
#pragma once

#include <filesystem>
#include <vector>

namespace mnist {

// The folders of this process's version 2 groups, outermost first: each one may set a limit.
std::vector<std::filesystem::path> own_cgroups();

}  // namespace mnist
