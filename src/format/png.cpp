// libpng reports errors with longjmp, which must not skip a destructor. So each function here that calls setjmp holds
// nothing but plain data, and everything with a destructor lives in its caller.
#include <csetjmp>
#include <cstring>
#include <limits>
#include <new>
#include <string>

#include <fmt/format.h>
#include <png.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"
#include "mnist/format/image.hpp"

#include "exif.hpp"
#include "image_decoder.hpp"

namespace mnist {
namespace {

// What libpng's callbacks see.
struct Input {
  std::string_view bytes;
  std::size_t position = 0;
  bool too_short = false;
  char message[200] = "";
};

void on_error(png_structp png, png_const_charp message) {
  auto* input = static_cast<Input*>(png_get_error_ptr(png));
  std::strncpy(input->message, message, sizeof input->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, std::size_t count) {
  auto* input = static_cast<Input*>(png_get_io_ptr(png));
  if (input->bytes.size() - input->position < count) {
    input->too_short = true;
    png_error(png, "the file ends too early");
  }
  std::memcpy(out, input->bytes.data() + input->position, count);
  input->position += count;
}

class PngReader {
 public:
  explicit PngReader(std::string_view bytes) {
    input_.bytes = bytes;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input_, on_error, on_warning);
    if (png_ == nullptr) throw std::bad_alloc();
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  // Everything before the pixels. False on an error.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, &input_, on_read);
    // The number of pixels is checked by the caller, who can say what is wrong.
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_cache_max(png_, 100);
    png_set_chunk_malloc_max(png_, 8 << 20);
    png_read_info(png_, info_);
    return true;
  }

  // After `read_header`: asks for 8-bit samples without palette.
  bool set_transforms() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  // After `set_transforms`: `pixels` has room for height rows of `row_bytes`.
  bool read_pixels(unsigned char* pixels) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    const std::size_t stride = row_bytes();
    for (int pass = 0; pass < passes_; ++pass) {
      for (std::size_t row = 0; row < height(); ++row) png_read_row(png_, pixels + row * stride, nullptr);
    }
    png_read_end(png_, info_);
    return true;
  }

  std::size_t width() const { return png_get_image_width(png_, info_); }
  std::size_t height() const { return png_get_image_height(png_, info_); }
  std::size_t channels() const { return png_get_channels(png_, info_); }
  std::size_t row_bytes() const { return png_get_rowbytes(png_, info_); }

  int orientation() const {
    png_bytep exif = nullptr;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0) return kUpright;
    return exif_orientation({reinterpret_cast<const char*>(exif), size});
  }

  Error error(const std::filesystem::path& path) const {
    if (input_.too_short) {
      return data_error(
          fmt::format("image {} is cut off: its {} bytes are not a whole PNG", quoted(path), input_.bytes.size()),
          "copy or download it again");
    }
    return data_error(fmt::format("image {} is a damaged PNG: {}", quoted(path), input_.message),
                      "copy or download it again");
  }

 private:
  Input input_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
};

}  // namespace

DecodedImage decode_png(std::string_view bytes, const std::filesystem::path& path) {
  PngReader reader(bytes);
  if (!reader.read_header()) throw reader.error(path);
  check_image_size(reader.width(), reader.height(), path);
  if (!reader.set_transforms()) throw reader.error(path);
  const auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  auto pixels = torch::empty({size(reader.height()), size(reader.width()), size(reader.channels())}, torch::kUInt8);
  TORCH_INTERNAL_ASSERT(reader.row_bytes() == reader.width() * reader.channels());
  if (!reader.read_pixels(pixels.data_ptr<std::uint8_t>())) throw reader.error(path);
  return {pixels, reader.orientation()};
}

void write_png(const std::filesystem::path& path, const torch::Tensor& pixels) {
  TORCH_CHECK(
      pixels.dim() == 3 && pixels.scalar_type() == torch::kUInt8 && (pixels.size(2) == 1 || pixels.size(2) == 3),
      "write_png takes uint8 [height, width, 1 or 3]");
  const auto source = pixels.contiguous().cpu();
  constexpr auto kLargest = std::numeric_limits<std::int32_t>::max();
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(std::min<std::int64_t>(source.size(0), kLargest));
  image.width = static_cast<png_uint_32>(std::min<std::int64_t>(source.size(1), kLargest));
  image.format = source.size(2) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::string png(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = png.size();
  if (png_image_write_to_memory(&image, png.data(), &size, 0, source.data_ptr(), 0, nullptr) == 0) {
    throw data_error(fmt::format("cannot write image {}: {}", quoted(path), image.message));
  }
  png.resize(size);
  write_output(path, png);
}

}  // namespace mnist
