// libjpeg reports errors with longjmp, which must not skip a destructor. So each function here that calls setjmp holds
// nothing but plain data, and everything with a destructor lives in its caller.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

// jpeglib.h uses FILE and size_t without including their headers.
#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "image_decoder.hpp"
#include "jpeg_header.hpp"

namespace mnist {
namespace {

constexpr int kMaxScans = 1000;                          // a progressive JPEG has about ten
constexpr std::uint64_t kMaxScanPixels = 1'000'000'000;  // each scan costs a pass over the whole picture

// Warnings after which libjpeg continues although the picture is incomplete. Its other warnings concern only details.
constexpr std::array kDamage{JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_ARITH_BAD_CODE, JWRN_MUST_RESYNC};

// The data of libjpeg's callbacks. libjpeg passes a pointer to the first member.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  bool too_short;
  int max_scans;
  bool too_many_scans;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr jpeg) {
  auto* manager = reinterpret_cast<ErrorManager*>(jpeg->err);
  jpeg->err->format_message(jpeg, manager->message);
  std::longjmp(manager->jump, 1);
}

void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;  // a trace
  const int code = jpeg->err->msg_code;
  if (std::find(kDamage.begin(), kDamage.end(), code) != kDamage.end()) on_error(jpeg);
}

void on_progress(j_common_ptr jpeg) {
  auto* manager = reinterpret_cast<ErrorManager*>(jpeg->err);
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= manager->max_scans) return;
  manager->too_many_scans = true;
  std::longjmp(manager->jump, 1);
}

// The data source for libjpeg. Its pointer is also to the first member.
struct JpegSource {
  jpeg_source_mgr base;
  const InputFile* file;
  std::uint64_t position;       // in the file, after `buffer`
  std::exception_ptr* failure;  // an I/O error
  std::array<JOCTET, 65536> buffer;

  // Exceptions must not pass through libjpeg. Returns 0 at the end of the file and on an error.
  std::size_t read() noexcept {
    try {
      return file->read_at(position, buffer.data(), buffer.size());
    } catch (...) {
      *failure = std::current_exception();
      return 0;
    }
  }
};

boolean on_fill(j_decompress_ptr jpeg) {
  auto* source = reinterpret_cast<JpegSource*>(jpeg->src);
  const std::size_t got = source->read();
  if (got == 0) {
    auto* manager = reinterpret_cast<ErrorManager*>(jpeg->err);
    manager->too_short = true;
    std::longjmp(manager->jump, 1);
  }
  source->position += got;
  source->base.next_input_byte = source->buffer.data();
  source->base.bytes_in_buffer = got;
  return TRUE;
}

void on_skip(j_decompress_ptr jpeg, long count) {
  if (count <= 0) return;
  auto* source = reinterpret_cast<JpegSource*>(jpeg->src);
  const std::size_t here = std::min(static_cast<std::size_t>(count), source->base.bytes_in_buffer);
  source->base.next_input_byte += here;
  source->base.bytes_in_buffer -= here;
  source->position += static_cast<std::size_t>(count) - here;
}

// Converts inverted CMYK, as written by Adobe and practically all programs, to RGB without colour profiles, with
// Pillow's rounding.
void cmyk_to_rgb(const std::vector<unsigned char>& cmyk, unsigned char* rgb) {
  for (std::size_t place = 0; place + 4 <= cmyk.size(); place += 4, rgb += 3) {
    const int light = cmyk[place + 3];
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const int product = (255 - cmyk[place + channel]) * light + 128;
      rgb[channel] = static_cast<unsigned char>(std::clamp(light - (((product >> 8) + product) >> 8), 0, 255));
    }
  }
}

class JpegReader final : public ImageDecoder {
 public:
  explicit JpegReader(const InputFile& file) : file_(file), what_(read_jpeg_header(file)) {
    jpeg_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = on_message;
    progress_.progress_monitor = on_progress;
    source_.base.init_source = [](j_decompress_ptr) {};
    source_.base.fill_input_buffer = on_fill;
    source_.base.skip_input_data = on_skip;
    source_.base.resync_to_restart = jpeg_resync_to_restart;
    source_.base.term_source = [](j_decompress_ptr) {};
    source_.file = &file;
    source_.failure = &failure_;
  }
  // Does nothing if `read_info` was not called.
  ~JpegReader() override { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  void read_header() {
    if (!read_info()) throw error();
    const std::uint64_t width = jpeg_.image_width;
    const std::uint64_t height = jpeg_.image_height;
    check_image_size(width, height, file_.path());
    errors_.max_scans = static_cast<int>(std::min<std::uint64_t>(kMaxScans, kMaxScanPixels / (width * height)));
    header_ = {static_cast<std::int64_t>(height), static_cast<std::int64_t>(width), is_cmyk() ? 3 : components(),
               what_.orientation, memory()};
  }

  void read_rows(unsigned char* rows, std::int64_t count) override {
    if (jpeg_.output_scanline == 0 && !start()) throw error();
    const std::size_t stride = static_cast<std::size_t>(header_.width * components());
    if (!is_cmyk()) {
      if (!read_lines(rows, count, stride)) throw error();
      return;
    }
    std::vector<unsigned char> cmyk(stride * static_cast<std::size_t>(count));
    if (!read_lines(cmyk.data(), count, stride)) throw error();
    cmyk_to_rgb(cmyk, rows);
  }

 private:
  int components() const { return jpeg_.out_color_components; }
  bool is_cmyk() const { return components() == 4; }

  // Reads everything before the pixels. Returns false on an error, like all these functions.
  bool read_info() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_.progress = &progress_;
    jpeg_.src = &source_.base;
    jpeg_read_header(&jpeg_, TRUE);
    // libjpeg itself rejects other pairs of colour spaces, with a message.
    jpeg_.out_color_space = jpeg_.num_components == 1 ? JCS_GRAYSCALE : jpeg_.num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_calc_output_dimensions(&jpeg_);
    return true;
  }

  // Reads all scans of a progressive picture.
  bool start() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&jpeg_);
    return true;
  }

  bool read_lines(unsigned char* rows, std::int64_t count, std::size_t stride) {
    if (setjmp(errors_.jump) != 0) return false;
    for (std::int64_t line = 0; line < count; ++line) {
      JSAMPROW row = rows + static_cast<std::size_t>(line) * stride;
      jpeg_read_scanlines(&jpeg_, &row, 1);
    }
    if (jpeg_.output_scanline == jpeg_.output_height) jpeg_finish_decompress(&jpeg_);
    return true;
  }

  // With several scans libjpeg keeps all coefficients, in whole blocks; and always some rows of every component.
  std::uint64_t memory() {
    constexpr std::uint64_t kRowBytes = 128;
    std::uint64_t bytes = kRowBytes * static_cast<std::uint64_t>(components()) * jpeg_.image_width;
    if (jpeg_has_multiple_scans(&jpeg_) == 0) return bytes;
    const auto whole = [](std::uint64_t blocks, int factor) {
      const auto step = static_cast<std::uint64_t>(factor);
      return (blocks + step - 1) / step * step;
    };
    for (int index = 0; index < jpeg_.num_components; ++index) {
      const jpeg_component_info& component = jpeg_.comp_info[index];
      bytes += whole(component.width_in_blocks, component.h_samp_factor) *
               whole(component.height_in_blocks, component.v_samp_factor) * sizeof(JBLOCK);
    }
    return bytes;
  }

  // The error to throw after a call that returned false.
  Error error() const {
    if (failure_) std::rethrow_exception(failure_);
    const auto path = quoted(file_.path());
    if (errors_.too_short) {
      return data_error(fmt::format("image {} is cut off: its {} bytes are not a whole JPEG", path, file_.size()),
                        "copy or download it again");
    }
    if (errors_.too_many_scans) {
      return data_error(fmt::format("image {} is a JPEG of {} x {} pixels with more than {} scans", path,
                                    jpeg_.image_width, jpeg_.image_height, errors_.max_scans),
                        "save it again, as a baseline JPEG or as PNG");
    }
    const auto feature = errors_.base.msg_code == JERR_ARITH_NOTIMPL ? "arithmetic coding" : unsupported_feature(what_);
    if (!feature.empty()) {
      return data_error(fmt::format("image {} is a JPEG of an unsupported kind: {}", path, feature),
                        "convert it to an ordinary JPEG (baseline or progressive, 8 bits) or to PNG");
    }
    return data_error(fmt::format("image {} is a damaged JPEG: {}", path, printable(errors_.message)),
                      "copy or download it again");
  }

  const InputFile& file_;
  JpegHeader what_;
  std::exception_ptr failure_;
  ErrorManager errors_{};
  jpeg_progress_mgr progress_{};
  JpegSource source_{};
  jpeg_decompress_struct jpeg_{};
};

}  // namespace

std::unique_ptr<ImageDecoder> open_jpeg(const InputFile& file) {
  auto reader = std::make_unique<JpegReader>(file);
  reader->read_header();
  return reader;
}

}  // namespace mnist
