// Signatures of zip records and flags of zip entries (PKWARE's APPNOTE.TXT 6.3, section 4.3).
#pragma once

#include <cstddef>
#include <string_view>

namespace mnist {

inline constexpr std::string_view kLocalSignature = "PK\x03\x04";
inline constexpr std::string_view kDescriptorSignature = "PK\x07\x08";
inline constexpr std::string_view kEntrySignature = "PK\x01\x02";
inline constexpr std::string_view kEndSignature = "PK\x05\x06";
inline constexpr std::string_view kEnd64Signature = "PK\x06\x06";
inline constexpr std::string_view kLocator64Signature = "PK\x06\x07";

inline constexpr unsigned kEncrypted = 0x0001;
inline constexpr unsigned kHasDescriptor = 0x0008;
inline constexpr unsigned kUtf8 = 0x0800;

// The start of the archive's comment, if it has one; 64 digits follow: the SHA-256 of all bytes before the digits.
inline constexpr std::string_view kHashComment = "sha256 ";
inline constexpr std::size_t kHashDigits = 64;
inline constexpr std::size_t kCommentSize = kHashComment.size() + kHashDigits;

}  // namespace mnist
