#include "out_of_memory.hpp"

#include <new>
#include <string>

#include "mnist/core/text.hpp"

namespace mnist::cli {

bool is_out_of_memory(const std::exception& exception) {
  const std::string message = first_line(exception.what());
  return dynamic_cast<const std::bad_alloc*>(&exception) != nullptr ||
         message.find("out of memory") != std::string::npos ||
         message.find("can't allocate memory") != std::string::npos;
}

}  // namespace mnist::cli
