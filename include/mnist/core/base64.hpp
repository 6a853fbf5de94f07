// Base64 (RFC 4648, section 4): bytes as text, for addresses of pictures in pages and for digests.
#pragma once

#include <string>
#include <string_view>

namespace mnist {

// `bytes` in base64 with padding, without line breaks.
std::string base64(std::string_view bytes);

}  // namespace mnist
