// libpng reports errors with longjmp, which must not skip a destructor. So each function here that calls setjmp holds
// nothing but plain data, and everything with a destructor lives in its caller.
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <string>

#include <fmt/format.h>
#include <png.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/text.hpp"
#include "mnist/format/image.hpp"

#include "image_decoder.hpp"
#include "png_orientation.hpp"

namespace mnist {
namespace {

// The data of libpng's callbacks.
struct Input {
  const InputFile& file;
  std::uint64_t position = 0;
  bool too_short = false;
  std::exception_ptr failure = nullptr;  // an I/O error
  char message[200] = "";

  // Exceptions must not pass through libpng.
  bool read(void* out, std::size_t count) noexcept {
    try {
      position += count;
      if (file.read_at(position - count, out, count) == count) return true;
      too_short = true;
    } catch (...) {
      failure = std::current_exception();
    }
    return false;
  }
};

void on_error(png_structp png, png_const_charp message) {
  auto* input = static_cast<Input*>(png_get_error_ptr(png));
  std::strncpy(input->message, message, sizeof input->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, std::size_t count) {
  if (!static_cast<Input*>(png_get_io_ptr(png))->read(out, count)) png_error(png, "the file ends too early");
}

class PngReader final : public ImageDecoder {
 public:
  explicit PngReader(const InputFile& file) : input_{file} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input_, on_error, on_warning);
    if (png_ == nullptr) throw std::bad_alloc();
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngReader() override { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  void read_header() {
    if (!read_info()) throw error();
    const std::uint64_t width = png_get_image_width(png_, info_);
    const std::uint64_t height = png_get_image_height(png_, info_);
    check_image_size(width, height, input_.file.path());
    header_ = {static_cast<std::int64_t>(height), static_cast<std::int64_t>(width), channels(),
               png_orientation(input_.file), 0};
    // libpng keeps two rows of up to 8 bytes per pixel.
    constexpr std::uint64_t kRowBytes = std::uint64_t{2} * 8;
    header_.memory = kRowBytes * width + (interlaced() ? width * height * static_cast<std::uint64_t>(channels()) : 0);
  }

  void read_rows(unsigned char* rows, std::int64_t count) override {
    const std::size_t row_bytes = static_cast<std::size_t>(header_.width * header_.channels);
    if (next_row_ == 0) start(row_bytes);
    const std::size_t bytes = static_cast<std::size_t>(count) * row_bytes;
    if (interlaced()) {
      std::memcpy(rows, whole_.get() + static_cast<std::size_t>(next_row_) * row_bytes, bytes);
    } else if (!read_sequential(rows, count, row_bytes)) {
      throw error();
    }
    next_row_ += count;
    if (next_row_ == header_.height && !read_end()) throw error();
  }

 private:
  bool interlaced() const { return png_get_interlace_type(png_, info_) != PNG_INTERLACE_NONE; }

  // After libpng's transforms, which need memory as soon as they are requested.
  std::int64_t channels() const {
    const int color = png_get_color_type(png_, info_);
    const bool transparent = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    return ((color & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1) + ((color & PNG_COLOR_MASK_ALPHA) != 0 || transparent ? 1 : 0);
  }

  // Call it before the first row: it allocates memory.
  void start(std::size_t row_bytes) {
    if (!set_transforms()) throw error();
    TORCH_INTERNAL_ASSERT(png_get_rowbytes(png_, info_) == row_bytes);
    if (!interlaced()) return;
    whole_ = std::make_unique<unsigned char[]>(row_bytes * static_cast<std::size_t>(header_.height));
    if (!read_passes(row_bytes)) throw error();
  }

  // Reads everything before the pixels. Returns false on an error, like all these functions.
  bool read_info() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, &input_, on_read);
    // The caller checks the number of pixels, because it can give a clear message.
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Only pixel chunks are needed. Texts and profiles are skipped, whatever their length.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_read_info(png_, info_);
    return true;
  }

  // Requests 8-bit samples without palette.
  bool set_transforms() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_passes(std::size_t row_bytes) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    for (int pass = 0; pass < passes_; ++pass) {
      for (std::int64_t row = 0; row < header_.height; ++row) {
        png_read_row(png_, whole_.get() + static_cast<std::size_t>(row) * row_bytes, nullptr);
      }
    }
    return true;
  }

  bool read_sequential(unsigned char* rows, std::int64_t count, std::size_t row_bytes) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    for (std::int64_t row = 0; row < count; ++row) {
      png_read_row(png_, rows + static_cast<std::size_t>(row) * row_bytes, nullptr);
    }
    return true;
  }

  bool read_end() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_end(png_, nullptr);
    return true;
  }

  // The error to throw after a call that returned false.
  Error error() const {
    const auto path = quoted(input_.file.path());
    if (input_.failure) std::rethrow_exception(input_.failure);
    if (input_.too_short) {
      return data_error(fmt::format("image {} is cut off: its {} bytes are not a whole PNG", path, input_.file.size()),
                        "copy or download it again");
    }
    return data_error(fmt::format("image {} is a damaged PNG: {}", path, printable(input_.message)),
                      "copy or download it again");
  }

  Input input_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  std::int64_t next_row_ = 0;
  std::unique_ptr<unsigned char[]> whole_;  // the pixels of an interlaced picture
};

}  // namespace

std::unique_ptr<ImageDecoder> open_png(const InputFile& file) {
  auto reader = std::make_unique<PngReader>(file);
  reader->read_header();
  return reader;
}

std::string png_bytes(const torch::Tensor& pixels) {
  TORCH_CHECK(
      pixels.dim() == 3 && pixels.scalar_type() == torch::kUInt8 && (pixels.size(2) == 1 || pixels.size(2) == 3),
      "png_bytes takes uint8 [height, width, 1 or 3]");
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
    throw data_error(fmt::format("cannot write an image of {} x {} pixels as PNG: {}", source.size(1), source.size(0),
                                 image.message));
  }
  png.resize(size);
  return png;
}

void write_png(const std::filesystem::path& path, const torch::Tensor& pixels) {
  write_output(path, png_bytes(pixels));
}

}  // namespace mnist
