#include "canvas.hpp"

#include <cairo.h>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
template <auto Destroy>
struct CairoDestroyer {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};
using CairoSurface = std::unique_ptr<cairo_surface_t, CairoDestroyer<cairo_surface_destroy>>;
using CairoContext = std::unique_ptr<cairo_t, CairoDestroyer<cairo_destroy>>;

namespace {

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  throw Error(ErrorKind::internal, std::string("cannot draw a picture: ") + cairo_status_to_string(status));
}

cairo_status_t append(void* text, const unsigned char* bytes, unsigned length) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), length);
  return CAIRO_STATUS_SUCCESS;
}

// Continuation bytes of UTF-8: a character must not be split.
bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Names of folders need not be UTF-8, and cairo draws nothing after an invalid text.
std::string drawable(const std::string& text) {
  return printable(as_utf8(text));
}

}  // namespace

struct Canvas::Parts {
  CairoSurface surface;
  CairoContext context;
};

Canvas::Canvas(int width, int height) : parts_(std::make_unique<Parts>()) {
  parts_->surface.reset(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  check(cairo_surface_status(parts_->surface.get()));
  parts_->context.reset(cairo_create(parts_->surface.get()));
  cairo_select_font_face(parts_->context.get(), "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  fill({0, 0}, width, height, kWhite);
}

Canvas::~Canvas() = default;

void Canvas::text(Point position, const std::string& text, double size, TextAlign align, Color color) {
  const std::string valid = drawable(text);
  const double width = text_width(valid, size);
  cairo_t* context = parts_->context.get();
  cairo_set_source_rgb(context, color.red, color.green, color.blue);
  const double shift = align == TextAlign::left ? 0 : align == TextAlign::center ? width / 2 : width;
  cairo_move_to(context, position.x - shift, position.y);
  cairo_show_text(context, valid.c_str());
}

void Canvas::text_upright(Point position, const std::string& text, double size, Color color) {
  constexpr double kQuarterTurn = 1.5707963267948966;
  cairo_t* context = parts_->context.get();
  cairo_save(context);
  cairo_translate(context, position.x - size * 0.7, position.y);
  cairo_rotate(context, kQuarterTurn);
  this->text({0, 0}, text, size, TextAlign::left, color);
  cairo_restore(context);
}

double Canvas::text_width(const std::string& text, double size) {
  cairo_t* context = parts_->context.get();
  cairo_set_font_size(context, size);
  cairo_text_extents_t extents;
  cairo_text_extents(context, drawable(text).c_str(), &extents);
  return extents.x_advance;
}

std::string Canvas::fitted(const std::string& text, double size, double width) {
  if (text_width(text, size) <= width) return text;
  std::size_t middle = text.size() / 2;
  while (middle < text.size() && is_continuation(text[middle])) ++middle;
  std::string begin = text.substr(0, middle);
  std::string end = text.substr(middle);
  const auto shorten_begin = [&] {
    while (begin.size() > 1 && is_continuation(begin.back())) begin.pop_back();
    begin.pop_back();
  };
  const auto shorten_end = [&] {
    std::size_t first = 1;
    while (first < end.size() && is_continuation(end[first])) ++first;
    end.erase(0, first);
  };
  const auto joined = [&] { return fmt::format("{}...{}", begin, end); };
  while ((!begin.empty() || !end.empty()) && text_width(joined(), size) > width) {
    if (begin.size() >= end.size()) {
      shorten_begin();
    } else {
      shorten_end();
    }
  }
  return joined();
}

void Canvas::fill(Point corner, double width, double height, Color color) {
  cairo_t* context = parts_->context.get();
  cairo_set_source_rgb(context, color.red, color.green, color.blue);
  cairo_rectangle(context, corner.x, corner.y, width, height);
  cairo_fill(context);
}

void Canvas::frame(Point corner, double width, double height, Color color, double line_width) {
  line({corner,
        {corner.x + width, corner.y},
        {corner.x + width, corner.y + height},
        {corner.x, corner.y + height},
        {corner.x, corner.y - line_width / 2}},
       color, line_width);
}

void Canvas::line(const std::vector<Point>& points, Color color, double line_width) {
  if (points.empty()) return;
  cairo_t* context = parts_->context.get();
  cairo_set_source_rgb(context, color.red, color.green, color.blue);
  cairo_set_line_width(context, line_width);
  cairo_move_to(context, points[0].x, points[0].y);
  for (const Point& point : points) cairo_line_to(context, point.x, point.y);
  cairo_stroke(context);
}

void Canvas::image(Point corner, double width, double height, const torch::Tensor& pixels) {
  const torch::Tensor planes = pixels.expand({3, -1, -1}).permute({1, 2, 0}).contiguous();  // [H, W, 3]
  const auto rows = static_cast<int>(planes.size(0));
  const auto columns = static_cast<int>(planes.size(1));
  const CairoSurface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows));
  check(cairo_surface_status(surface.get()));
  auto* out = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  const auto* in = planes.data_ptr<std::uint8_t>();
  for (int y = 0; y < rows; ++y) {
    auto* row = reinterpret_cast<std::uint32_t*>(out + static_cast<std::ptrdiff_t>(y) * stride);
    for (int x = 0; x < columns; ++x, in += 3) {
      row[x] = std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | std::uint32_t{in[2]};
    }
  }
  cairo_surface_mark_dirty(surface.get());
  cairo_t* context = parts_->context.get();
  cairo_save(context);
  cairo_translate(context, corner.x, corner.y);
  cairo_scale(context, width / columns, height / rows);
  cairo_set_source_surface(context, surface.get(), 0, 0);
  constexpr int kSmall = 64;
  cairo_pattern_set_filter(cairo_get_source(context), columns <= kSmall ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
  cairo_rectangle(context, 0, 0, columns, rows);
  cairo_fill(context);
  cairo_restore(context);
}

void Canvas::save(const std::filesystem::path& path) {
  check(cairo_status(parts_->context.get()));
  std::string png;
  check(cairo_surface_write_to_png_stream(parts_->surface.get(), append, &png));
  write_output(path, png);
}

}  // namespace mnist
