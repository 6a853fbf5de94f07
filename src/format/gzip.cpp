#include "gzip.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "content_kind.hpp"
#include "file_errors.hpp"

namespace mnist {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window, with a gzip header instead of zlib's
constexpr std::size_t kMaxPiece = std::numeric_limits<uInt>::max();

}  // namespace

GzipReader::GzipReader(std::string_view packed, std::filesystem::path path) : packed_(packed), path_(std::move(path)) {
  if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
  // zlib's interface predates const; it does not write here.
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed_.data()));
  stream_.avail_in = static_cast<uInt>(std::min(packed_.size(), kMaxPiece));
}

GzipReader::~GzipReader() {
  inflateEnd(&stream_);
}

std::size_t GzipReader::read(void* out, std::size_t count) {
  std::size_t done = 0;
  while (done < count && !finished_) {
    const auto piece = std::min(count - done, kMaxPiece);
    stream_.next_out = static_cast<Bytef*>(out) + done;
    stream_.avail_out = static_cast<uInt>(piece);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    done += piece - stream_.avail_out;
    if (result == Z_STREAM_END) {
      next_stream();
    } else if (result == Z_BUF_ERROR || (result == Z_OK && stream_.avail_in == 0 && stream_.avail_out > 0)) {
      throw data_error(fmt::format("{} is cut off: its gzip stream breaks off after {} bytes: an interrupted download?",
                                   quoted(path_), with_thousands(packed_.size())),
                       kFetchAgain);
    } else if (result == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (result != Z_OK) {
      throw data_error(fmt::format("{} is damaged: its gzip stream does not unpack ({})", quoted(path_),
                                   stream_.msg != nullptr ? stream_.msg : "no reason given"),
                       kFetchAgain);
    }
  }
  return done;
}

void GzipReader::next_stream() {
  const std::string_view rest(reinterpret_cast<const char*>(stream_.next_in), stream_.avail_in);
  if (rest.empty()) {
    finished_ = true;
  } else if (rest.starts_with(kGzipSignature)) {
    inflateReset(&stream_);
  } else {
    throw data_error(
        fmt::format("{} is damaged: {} bytes follow its gzip stream", quoted(path_), with_thousands(rest.size())),
        kFetchAgain);
  }
}

}  // namespace mnist
