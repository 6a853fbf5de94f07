#include "canvas.hpp"

#include <algorithm>
#include <cairo-svg.h>
#include <cairo.h>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/text.hpp"

#include "c_object.hpp"
#include "fonts.hpp"

namespace mnist {
using CairoSurface = std::unique_ptr<cairo_surface_t, DestroyedBy<cairo_surface_destroy>>;
using CairoContext = std::unique_ptr<cairo_t, DestroyedBy<cairo_destroy>>;

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
  int width = 0;
  int height = 0;
  CairoSurface surface;  // keeps what is drawn, for any kind of file
  CairoContext context;
};

Color series_color(std::size_t number) {
  constexpr Color kColors[kSeriesColors] = {{0.00, 0.45, 0.70}, {0.84, 0.37, 0.00}, {0.00, 0.62, 0.45},
                                            {0.80, 0.47, 0.65}, {0.90, 0.62, 0.00}, {0.34, 0.71, 0.91}};
  return kColors[number % kSeriesColors];
}

Canvas::Canvas(int width, int height) : parts_(std::make_unique<Parts>()) {
  constexpr int kMost = 32767;
  if (width > kMost || height > kMost) throw Error(ErrorKind::internal, "a picture is too large to draw");
  const cairo_rectangle_t whole = {0, 0, static_cast<double>(width), static_cast<double>(height)};
  parts_->width = width;
  parts_->height = height;
  parts_->surface.reset(cairo_recording_surface_create(CAIRO_CONTENT_COLOR, &whole));
  check(cairo_surface_status(parts_->surface.get()));
  parts_->context.reset(cairo_create(parts_->surface.get()));
  fill({0, 0}, width, height, kWhite);
}

Canvas::~Canvas() = default;

void Canvas::use_font(std::size_t number, double size) {
  cairo_t* context = parts_->context.get();
  cairo_set_font_face(context, font_face(number));
  cairo_set_font_size(context, size);
}

void Canvas::text(Point position, const std::string& text, double size, TextAlign align, Color color) {
  const double width = text_width(text, size);
  cairo_t* context = parts_->context.get();
  cairo_set_source_rgb(context, color.red, color.green, color.blue);
  const double shift = align == TextAlign::left ? 0 : align == TextAlign::center ? width / 2 : width;
  cairo_move_to(context, position.x - shift, position.y);
  for (const TextInFont& part : in_fonts(drawable(text))) {
    use_font(part.font, size);
    cairo_show_text(context, part.text.c_str());
  }
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
  double width = 0;
  for (const TextInFont& part : in_fonts(drawable(text))) {
    use_font(part.font, size);
    cairo_text_extents_t extents;
    cairo_text_extents(parts_->context.get(), part.text.c_str(), &extents);
    width += extents.x_advance;
  }
  return width;
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

void Canvas::line(const std::vector<Point>& points, Color color, double line_width, bool dashed) {
  if (points.empty()) return;
  constexpr double kDashes[] = {5, 4};
  cairo_t* context = parts_->context.get();
  cairo_set_source_rgb(context, color.red, color.green, color.blue);
  cairo_set_line_width(context, line_width);
  cairo_set_dash(context, kDashes, dashed ? 2 : 0, 0);
  cairo_move_to(context, points[0].x, points[0].y);
  for (const Point& point : points) cairo_line_to(context, point.x, point.y);
  cairo_stroke(context);
}

void Canvas::dot(Point middle, double radius, Color color) {
  constexpr double kTurn = 6.283185307179586;
  cairo_t* context = parts_->context.get();
  cairo_set_source_rgb(context, color.red, color.green, color.blue);
  cairo_new_path(context);
  cairo_arc(context, middle.x, middle.y, radius, 0, kTurn);
  cairo_fill(context);
}

void Canvas::image(Point corner, double width, double height, const torch::Tensor& pixels) {
  constexpr std::int64_t kSmall = 64;
  const bool sharp = pixels.size(2) <= kSmall;
  torch::Tensor planes = pixels.expand({3, -1, -1}).permute({1, 2, 0}).contiguous();  // [H, W, 3]
  if (sharp) {
    // Viewers of SVG smooth what they enlarge.
    const auto times = std::max<std::int64_t>(1, std::llround(std::ceil(width / static_cast<double>(pixels.size(2)))));
    planes = planes.repeat_interleave(times, 0).repeat_interleave(times, 1);
  }
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
  cairo_pattern_set_filter(cairo_get_source(context), sharp ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
  cairo_rectangle(context, 0, 0, columns, rows);
  cairo_fill(context);
  cairo_restore(context);
}

void Canvas::save(const std::filesystem::path& path) {
  check(cairo_status(parts_->context.get()));
  const bool is_svg = lower_case(path.extension().string()) == ".svg";
  std::string file;
  const CairoSurface surface(is_svg ? cairo_svg_surface_create_for_stream(append, &file, parts_->width, parts_->height)
                                    : cairo_image_surface_create(CAIRO_FORMAT_RGB24, parts_->width, parts_->height));
  check(cairo_surface_status(surface.get()));
  if (is_svg) cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
  {
    const CairoContext context(cairo_create(surface.get()));
    cairo_set_source_surface(context.get(), parts_->surface.get(), 0, 0);
    cairo_paint(context.get());
    check(cairo_status(context.get()));
  }
  if (is_svg) {
    cairo_surface_finish(surface.get());
    check(cairo_surface_status(surface.get()));
  } else {
    check(cairo_surface_write_to_png_stream(surface.get(), append, &file));
  }
  write_output(path, file);
}

}  // namespace mnist
