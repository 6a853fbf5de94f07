#include "old_page.hpp"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"

namespace mnist::cli {

OldPage::OldPage(std::filesystem::path path, const std::string& mark, spdlog::logger& log) : path_(std::move(path)) {
  std::error_code ignored;
  if (is_stream(path_) || !std::filesystem::is_regular_file(path_, ignored)) return;
  if (std::filesystem::is_empty(path_, ignored)) return;
  if (read_file(path_, "page").find(mark) != std::string::npos) {
    log.info("{} exists: the new page replaces it", quoted(path_));
    return;
  }
  kept_ = unused_path(path_.string() + ".bak");
  log.warn("{} exists and is not a page of this model or run: it is kept as {}", quoted(path_), quoted(kept_));
}

void OldPage::make_room() const {
  if (kept_.empty()) return;
  std::error_code error;
  std::filesystem::rename(path_, kept_, error);
  if (!error) return;
  throw data_error(fmt::format("cannot rename {} to {}: {}", quoted(path_), quoted(kept_), error.message()),
                   "name another page with --output");
}

}  // namespace mnist::cli
