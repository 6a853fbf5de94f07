// The script that downloads data sets and published weights, for hints.
#pragma once

#include <string>
#include <string_view>

namespace mnist {

// The command that fetches `what`, a data set or a network: that of a clone, "scripts/fetch_data mnist", or if the
// program is installed, the script that was installed with it: "/usr/share/mnist/fetch_data mnist". Without `what` the
// script alone. On Windows, the command runs fetch_data.cmake by CMake.
std::string fetch_command(std::string_view what = {});

}  // namespace mnist
