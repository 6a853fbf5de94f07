#include "multipart.hpp"

#include <utility>

#include "mnist/core/text.hpp"

#include "http_error.hpp"

namespace mnist {
namespace {

constexpr std::string_view kType = "multipart/form-data";

// The value of a parameter such as boundary="..." of a header; empty: none.
std::string parameter(std::string_view header, std::string_view name) {
  const std::string lower = lower_case(header);
  for (std::size_t at = lower.find(';'); at != std::string::npos; at = lower.find(';', at)) {
    at = lower.find_first_not_of("; \t", at);
    if (at == std::string::npos) break;
    const std::size_t equals = lower.find('=', at);
    if (equals == std::string::npos) break;
    if (std::string_view(lower).substr(at, equals - at) != name) {
      at = equals;
      // A quoted value may have a semicolon.
      if (lower.compare(at, 2, "=\"") == 0) at = lower.find('"', at + 2);
      if (at == std::string::npos) break;
      continue;
    }
    std::string_view value = header.substr(equals + 1);
    if (value.starts_with('"')) return std::string(value.substr(1, value.find('"', 1) - 1));
    return std::string(value.substr(0, value.find_first_of("; \t\r")));
  }
  return {};
}

// The Content-Disposition among the header lines of a part; empty: none.
std::string_view disposition(std::string_view headers) {
  while (!headers.empty()) {
    const std::size_t end = headers.find("\r\n");
    const std::string_view line = headers.substr(0, end);
    if (lower_case(line.substr(0, 20)) == "content-disposition:") return line;
    if (end == std::string_view::npos) break;
    headers.remove_prefix(end + 2);
  }
  return {};
}

bool has_file_name(std::string_view line) {
  return lower_case(line).find("filename=") != std::string::npos;
}

[[noreturn]] void not_multipart() {
  throw bad_request("the body is not valid multipart/form-data",
                    "send pictures as curl does: curl -F image=@digit.png URL");
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  return lower_case(content_type.substr(0, kType.size())) == kType;
}

std::vector<UploadedFile> uploaded_files(std::string_view content_type, std::string_view body) {
  constexpr std::size_t kMostParts = 256;
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty()) not_multipart();
  const std::string first = "--" + boundary;
  const std::string separator = "\r\n" + first;
  if (!body.starts_with(first)) not_multipart();
  body.remove_prefix(first.size());
  std::vector<UploadedFile> files;
  for (std::size_t part = 0; !body.starts_with("--"); ++part) {
    const std::size_t end = body.find(separator);
    if (!body.starts_with("\r\n") || end == std::string_view::npos || end < 2) not_multipart();
    if (part == kMostParts) throw bad_request("the body has more than 256 parts", "send several requests");
    const std::string_view whole = body.substr(2, end - 2);
    body.remove_prefix(end + separator.size());
    const std::size_t blank = whole.find("\r\n\r\n");
    if (blank == std::string_view::npos) not_multipart();
    const std::string_view line = disposition(whole.substr(0, blank));
    if (has_file_name(line)) files.push_back({parameter(line, "filename"), std::string(whole.substr(blank + 4))});
  }
  return files;
}

}  // namespace mnist
