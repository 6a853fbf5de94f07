// libjpeg reports errors with longjmp, which must not skip a destructor. So each function here that calls setjmp holds
// nothing but plain data, and everything with a destructor lives in its caller.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

// jpeglib.h uses FILE and size_t without including their headers.
#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

#include "exif.hpp"
#include "image_decoder.hpp"

namespace mnist {
namespace {

using namespace std::string_view_literals;

constexpr int kMaxScans = 1000;  // a progressive JPEG has about ten; each costs a pass over the whole picture
constexpr int kApp1 = JPEG_APP0 + 1;

// What libjpeg goes on after, although the picture is not whole. Others of its warnings are about details only.
constexpr std::array kDamage{JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_ARITH_BAD_CODE, JWRN_MUST_RESYNC};

// What libjpeg's callbacks see: it hands back a pointer to the first member.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  bool too_short;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr jpeg) {
  auto* manager = reinterpret_cast<ErrorManager*>(jpeg->err);
  jpeg->err->format_message(jpeg, manager->message);
  std::longjmp(manager->jump, 1);
}

void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;  // a trace
  auto* manager = reinterpret_cast<ErrorManager*>(jpeg->err);
  const int code = jpeg->err->msg_code;
  if (code == JWRN_JPEG_EOF) manager->too_short = true;
  if (manager->too_short || std::find(kDamage.begin(), kDamage.end(), code) != kDamage.end()) on_error(jpeg);
}

void on_progress(j_common_ptr jpeg) {
  auto* decoder = reinterpret_cast<j_decompress_ptr>(jpeg);
  if (decoder->input_scan_number <= kMaxScans) return;
  auto* manager = reinterpret_cast<ErrorManager*>(jpeg->err);
  std::snprintf(manager->message, sizeof manager->message, "it has more than %d scans", kMaxScans);
  std::longjmp(manager->jump, 1);
}

class JpegReader {
 public:
  explicit JpegReader(std::string_view bytes) : bytes_(bytes) {
    jpeg_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = on_message;
    progress_.progress_monitor = on_progress;
  }
  // Does nothing where `read_header` was not called.
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  // Everything before the pixels. False on an error.
  bool read_header() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    jpeg_save_markers(&jpeg_, kApp1, 0xFFFF);
    jpeg_read_header(&jpeg_, TRUE);
    // Other pairs of colour spaces libjpeg refuses by itself, in words.
    jpeg_.out_color_space = jpeg_.num_components == 1 ? JCS_GRAYSCALE : jpeg_.num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_calc_output_dimensions(&jpeg_);
    return true;
  }

  // After `read_header`: `pixels` has room for height x width x channels.
  bool read_pixels(unsigned char* pixels) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&jpeg_);
    const std::size_t stride = width() * channels();
    while (jpeg_.output_scanline < jpeg_.output_height) {
      JSAMPROW row = pixels + jpeg_.output_scanline * stride;
      jpeg_read_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  std::size_t width() const { return jpeg_.image_width; }
  std::size_t height() const { return jpeg_.image_height; }
  std::size_t channels() const { return static_cast<std::size_t>(jpeg_.out_color_components); }

  // After `read_header` and before `read_pixels`, at whose end libjpeg forgets the markers.
  int orientation() const {
    constexpr auto kIntroduction = "Exif\0\0"sv;
    for (auto* marker = jpeg_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view content(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (marker->marker == kApp1 && content.starts_with(kIntroduction)) {
        return exif_orientation(content.substr(kIntroduction.size()));
      }
    }
    return kUpright;
  }

  Error error(const std::filesystem::path& path) const {
    if (errors_.too_short) {
      return data_error(
          fmt::format("image {} is cut off: its {} bytes are not a whole JPEG", quoted(path), bytes_.size()),
          "copy or download it again");
    }
    return data_error(fmt::format("image {} is a damaged JPEG: {}", quoted(path), errors_.message),
                      "copy or download it again");
  }

 private:
  std::string_view bytes_;
  ErrorManager errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct jpeg_{};
};

// Inverted CMYK, as Adobe's programs write it and in practice everyone, to RGB without colour profiles. The rounding is
// Pillow's.
torch::Tensor cmyk_to_rgb(const torch::Tensor& cmyk) {
  auto rgb = torch::empty({cmyk.size(0), cmyk.size(1), 3}, torch::kUInt8);
  const auto* from = cmyk.data_ptr<std::uint8_t>();
  auto* to = rgb.data_ptr<std::uint8_t>();
  for (auto pixel = cmyk.size(0) * cmyk.size(1); pixel > 0; --pixel, from += 4, to += 3) {
    const int light = from[3];
    for (int channel = 0; channel < 3; ++channel) {
      const int product = (255 - from[channel]) * light + 128;
      to[channel] = static_cast<std::uint8_t>(std::clamp(light - (((product >> 8) + product) >> 8), 0, 255));
    }
  }
  return rgb;
}

}  // namespace

DecodedImage decode_jpeg(std::string_view bytes, const std::filesystem::path& path) {
  JpegReader reader(bytes);
  if (!reader.read_header()) throw reader.error(path);
  check_image_size(reader.width(), reader.height(), path);
  const auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  auto pixels = torch::empty({size(reader.height()), size(reader.width()), size(reader.channels())}, torch::kUInt8);
  const auto orientation = reader.orientation();
  if (!reader.read_pixels(pixels.data_ptr<std::uint8_t>())) throw reader.error(path);
  return {reader.channels() == 4 ? cmyk_to_rgb(pixels) : pixels, orientation};
}

}  // namespace mnist
