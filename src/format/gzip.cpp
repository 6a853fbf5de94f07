#include "gzip.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <string>

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
constexpr std::size_t kPackedPiece = std::size_t{64} << 10;  // bytes read from the file at once

}  // namespace

GzipReader::GzipReader(const InputFile& file) : file_(file), buffer_(kPackedPiece) {
  if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
}

GzipReader::~GzipReader() {
  inflateEnd(&stream_);
}

std::size_t GzipReader::read(void* out, std::size_t count) {
  std::size_t done = 0;
  while (done < count && !finished_) {
    if (stream_.avail_in == 0) refill();
    const auto piece = std::min(count - done, kMaxPiece);
    stream_.next_out = static_cast<Bytef*>(out) + done;
    stream_.avail_out = static_cast<uInt>(piece);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    done += piece - stream_.avail_out;
    if (result == Z_STREAM_END) {
      next_stream();
    } else if (result == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {  // Z_BUF_ERROR: needs more input
      throw data_error(fmt::format("{} is damaged: its gzip stream does not unpack ({})", quoted(file_.path()),
                                   stream_.msg != nullptr ? stream_.msg : "no reason given"),
                       fetch_again());
    }
  }
  return done;
}

void GzipReader::refill() {
  const std::size_t got = file_.read_at(position_, buffer_.data(), buffer_.size());
  if (got == 0) {
    throw data_error(fmt::format("{} is cut off: its gzip stream breaks off after {} bytes: an interrupted download?",
                                 quoted(file_.path()), with_thousands(static_cast<std::int64_t>(position_))),
                     fetch_again());
  }
  position_ += got;
  stream_.next_in = buffer_.data();
  stream_.avail_in = static_cast<uInt>(got);
}

void GzipReader::next_stream() {
  const std::uint64_t rest = position_ - stream_.avail_in;  // where it begins
  std::string begin(kGzipSignature.size(), '\0');
  begin.resize(file_.read_at(rest, begin.data(), begin.size()));
  if (begin.empty()) {
    finished_ = true;
  } else if (begin == kGzipSignature) {
    inflateReset(&stream_);
  } else {
    throw data_error(fmt::format("{} is damaged: it has {} after its gzip stream", quoted(file_.path()),
                                 counted(static_cast<std::int64_t>(file_.size() - rest), "byte")),
                     fetch_again());
  }
}

}  // namespace mnist
