// Files in the body of a request as browsers and `curl -F` send them: multipart/form-data (RFC 7578).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mnist {

struct UploadedFile {
  std::string name;  // as the client calls it; may be empty
  std::string content;
};

// Whether the Content-Type is multipart/form-data.
bool is_multipart(std::string_view content_type);

// The parts with a file name, in order; the others are ignored. Throws an `HttpError` if the body is not of that form,
// or has more than 256 parts.
std::vector<UploadedFile> uploaded_files(std::string_view content_type, std::string_view body);

}  // namespace mnist
