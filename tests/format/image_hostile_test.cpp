// Malicious pictures that would take much memory or time, and unsupported kinds: messages and memory.
#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/format/image.hpp"

#include "support/checksums.hpp"
#include "support/memory_limit.hpp"
#include "support/mutation_run.hpp"
#include "support/picture_files.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::FlatJpeg;
using test::Png;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;

class HostileImageTest : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& content) const {
    auto path = folder_ / "some.png";
    test::write_file(path, content);
    return path;
  }

  int orientation(const std::string& content) const { return ImageReader(file(content)).orientation(); }

  std::string error(const std::string& content) const {
    const auto path = file(content);
    try {
      read_image(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_THAT(error.what(), HasSubstr("some.png"));
      return std::string(error.what()) + " | " + error.hint();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  test::TemporaryFolder folder_;
};

// 45 bytes that made libpng take 2 GB.
TEST_F(HostileImageTest, NoLengthOfAChunkIsBelieved) {
  const auto png = test::png_file({5, 5}).substr(0, 33) + test::big_endian_32(0x7FFFFFFF) + "tEXtabcd";
  const test::MemoryLimit limit(16 * kMiB);
  EXPECT_THAT(error(png), HasSubstr("is cut off: its 45 bytes are not a whole PNG"));
}

TEST_F(HostileImageTest, TextsAndProfilesTakeNoMemory) {
  const std::string packed = test::deflated(std::string(8 * kMiB - 100, ' '));
  Png png{9, 7};
  for (int i = 0; i < 99; ++i) {
    png.before += test::png_chunk("zTXt", std::string("Raw profile type exif\0\0", 23) + packed);
    png.before += test::png_chunk("iTXt", std::string("XML:com.adobe.xmp\0\1\0\0\0", 22) + packed);
    png.before += test::png_chunk("iCCP", std::string("x\0\0", 3) + packed);
  }
  const auto path = file(test::png_file(png));
  const test::MemoryLimit limit(16 * kMiB);
  const double begin = test::thread_seconds();
  EXPECT_EQ(read_image(path).sizes(), (std::vector<std::int64_t>{7, 9, 1}));
  EXPECT_LT(test::thread_seconds() - begin, 1);
}

TEST_F(HostileImageTest, MarkersOfAJpegTakeNoMemory) {
  FlatJpeg jpeg{9, 7};
  std::string segment(65'000, 'x');
  segment.replace(0, 6, "Exif\0\0", 6);
  jpeg.segments.assign(500, segment);
  const auto path = file(test::flat_jpeg(jpeg));
  const test::MemoryLimit limit(16 * kMiB);
  EXPECT_EQ(read_image(path).sizes(), (std::vector<std::int64_t>{7, 9, 1}));
}

TEST_F(HostileImageTest, NoMoreScansThanTheSizeAllows) {
  FlatJpeg jpeg{4000, 4000, /*progressive=*/true, /*scans=*/62};  // 62 x 16 megapixels are less than 1000 megapixels
  EXPECT_EQ(read_image(file(test::flat_jpeg(jpeg))).size(0), 4000);
  jpeg.scans = 63;
  EXPECT_THAT(error(test::flat_jpeg(jpeg)),
              AllOf(HasSubstr("is a JPEG of 4000 x 4000 pixels with more than 62 scans"), HasSubstr("baseline JPEG")));
}

TEST_F(HostileImageTest, SaysWhatMemoryDecodingTakes) {
  constexpr std::uint64_t kPixels = 2'000'000;
  const auto memory = [&](const std::string& content) { return ImageReader(file(content)).memory(); };
  EXPECT_LT(memory(test::flat_jpeg({1000, 2000})), kMiB);
  EXPECT_NEAR(static_cast<double>(memory(test::flat_jpeg({1000, 2000, true}))), 2.0 * kPixels, kMiB);
  EXPECT_LT(memory(test::png_file({1000, 2000, 8, 6})), kMiB);
  EXPECT_NEAR(static_cast<double>(memory(test::png_file({1000, 2000, 8, 6, /*interlaced=*/true}))), 4.0 * kPixels,
              kMiB);
}

// The memory for a baseline picture that is decoded in pieces does not depend on its size: 100 megapixels in 16 MB.
TEST_F(HostileImageTest, ALargePictureIsDecodedInPieces) {
  const auto path = file(test::flat_jpeg({10'000, 10'000}));
  const test::MemoryLimit limit(16 * kMiB);
  ImageReader reader(path);
  std::int64_t sum = 0;
  for (std::int64_t row = 0; row < reader.height(); row += 100) sum += reader.read_rows(100).size(0);
  EXPECT_EQ(sum, 10'000);
}

TEST_F(HostileImageTest, AHugePictureIsNotReadAsAWhole) {
  const test::MemoryLimit limit(16 * kMiB);
  EXPECT_THAT(error(test::flat_jpeg({17'000, 17'000}).substr(0, 500)),
              HasSubstr("too large: 17,000 x 17,000 pixels, the limit is 200,000,000"));
  auto jpeg = test::flat_jpeg({16, 16, true});
  jpeg.replace(jpeg.find("\xff\xc2") + 5, 4, test::big_endian_16(12'000) + test::big_endian_16(12'000));
  EXPECT_THAT(error(jpeg), HasSubstr("is too large to be read as a whole: 12,000 x 12,000 pixels"));
}

// A frame of 16 x 16 pixels; `change` turns it into another kind.
std::string odd_jpeg(const std::function<void(std::string& bytes, std::size_t frame)>& change) {
  auto bytes = test::flat_jpeg({16, 16});
  change(bytes, bytes.find("\xff\xc0"));
  return bytes;
}

struct OddKind {
  const char* name;
  std::function<void(std::string& bytes, std::size_t frame)> change;
  const char* feature;
};

class OddJpegTest : public HostileImageTest, public ::testing::WithParamInterface<OddKind> {};

TEST_P(OddJpegTest, IsCalledWhatItIs) {
  EXPECT_THAT(error(odd_jpeg(GetParam().change)),
              AllOf(HasSubstr(std::string("is a JPEG of an unsupported kind: ") + GetParam().feature),
                    HasSubstr("convert it to an ordinary JPEG")));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, OddJpegTest,
    ::testing::Values(
        OddKind{"TwelveBits", [](auto& bytes, auto frame) { bytes[frame + 4] = 12; }, "12 bits per sample"},
        OddKind{"HeightLater", [](auto& bytes, auto frame) { bytes[frame + 6] = 0; },
                "a height that is given after its first scan (DNL)"},
        OddKind{"TwoSamples",
                [](auto& bytes, auto frame) {
                  bytes.replace(frame + 2, 2, test::big_endian_16(14));
                  bytes[frame + 9] = 2;
                  bytes.insert(frame + 13, std::string("\x02\x11\x00", 3));
                },
                "2 samples per pixel"},
        OddKind{"Lossless", [](auto& bytes, auto frame) { bytes[frame + 1] = '\xc3'; }, "lossless coding"},
        OddKind{"Hierarchical", [](auto& bytes, auto frame) { bytes[frame + 1] = '\xc5'; }, "hierarchical coding"}),
    [](const auto& parameter) { return parameter.param.name; });

constexpr std::string_view kXmpBegin{"http://ns.adobe.com/xap/1.0/\0", 29};

std::string exif_segment(int orientation, int type = 3) {
  return std::string("Exif\0\0", 6) + test::tiff_with_orientation(orientation, type);
}

std::string xmp(const std::string& what) {
  return "<x:xmpmeta><rdf:RDF><rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' " + what +
         "</rdf:Description></rdf:RDF></x:xmpmeta>";
}

TEST_F(HostileImageTest, FindsTheOrientationOfAJpegWhereverItStands) {
  const auto of = [&](std::vector<std::string> segments) {
    return orientation(test::flat_jpeg({16, 8, false, 1, std::move(segments)}));
  };
  const auto packet = [](const std::string& what) { return std::string(kXmpBegin) + xmp(what); };
  EXPECT_EQ(of({}), 1);
  EXPECT_EQ(of({exif_segment(6)}), 6);
  EXPECT_EQ(of({exif_segment(6, 4)}), 6) << "LONG";
  EXPECT_EQ(of({exif_segment(9)}), 1);
  EXPECT_EQ(of({exif_segment(65'542, 4)}), 1) << "6 in its lower half";
  EXPECT_EQ(of({exif_segment(6, 5)}), 1) << "a rational number";
  EXPECT_EQ(of({packet("tiff:Orientation=\"8\">")}), 8);
  EXPECT_EQ(of({packet("tiff:Orientation = '3'>")}), 3);
  EXPECT_EQ(of({packet("><tiff:Orientation>5</tiff:Orientation>")}), 5);
  EXPECT_EQ(of({packet("><tiff:Orientation> 5 </tiff:Orientation>")}), 5);
  EXPECT_EQ(of({packet("tiff:Orientation=\"12\">")}), 1);
  EXPECT_EQ(of({packet("tiff:Orientation=\"0\">")}), 1);
  EXPECT_EQ(of({packet("tiff:Orientation=8>")}), 1);
  EXPECT_EQ(of({packet("tiff:Orientation=\"").substr(0, 120)}), 1);
  EXPECT_EQ(of({packet("tiff:Orientation=\"8\">"), exif_segment(6)}), 6) << "EXIF goes first, as in Pillow";
  EXPECT_EQ(of({exif_segment(0), packet("tiff:Orientation=\"8\">")}), 8);
}

// ImageMagick's format.
std::string raw_profile(const std::string& bytes) {
  std::string text = fmt::format("\nexif\n{:8}", bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 36 == 0) text += '\n';
    text += fmt::format("{:02x}", static_cast<unsigned>(static_cast<unsigned char>(bytes[i])));
  }
  return text + "\n";
}

TEST_F(HostileImageTest, FindsTheOrientationOfAPngWhereverItStands) {
  using namespace std::string_literals;
  const auto of = [&](const std::string& before, const std::string& after = "") {
    return orientation(test::png_file({16, 8, 8, 0, false, before, after}));
  };
  const auto text = [](const std::string& type, const std::string& content) { return test::png_chunk(type, content); };
  const std::string raw = raw_profile(exif_segment(6));
  const std::string packet = xmp("tiff:Orientation=\"8\">");
  EXPECT_EQ(of(""), 1);
  EXPECT_EQ(of(text("eXIf", test::tiff_with_orientation(3))), 3);
  EXPECT_EQ(of("", text("eXIf", test::tiff_with_orientation(3, 4))), 3) << "behind the pixels";
  EXPECT_EQ(of(text("tEXt", "Raw profile type exif\0"s + raw)), 6);
  EXPECT_EQ(of(text("zTXt", "Raw profile type exif\0\0"s + test::deflated(raw))), 6);
  EXPECT_EQ(of("", text("zTXt", "Raw profile type exif\0\0"s + test::deflated(raw))), 6);
  EXPECT_EQ(of(text("iTXt", "Raw profile type exif\0\0\0en\0\0"s + raw)), 6);
  EXPECT_EQ(of(text("tEXt", "Raw profile type exif\0"s + raw_profile(test::tiff_with_orientation(4)))), 4)
      << "without 'Exif'";
  EXPECT_EQ(of(text("iTXt", "XML:com.adobe.xmp\0\0\0\0\0"s + packet)), 8);
  EXPECT_EQ(of(text("iTXt", "XML:com.adobe.xmp\0\1\0\0\0"s + test::deflated(packet))), 8);
  EXPECT_EQ(of(text("iTXt", "XML:com.adobe.xmp\0\0\0\0\0"s + packet), text("eXIf", test::tiff_with_orientation(3))), 3)
      << "eXIf goes first";
  EXPECT_EQ(of(text("tEXt", "Comment\0"s + raw)), 1);
  auto damaged = text("eXIf", test::tiff_with_orientation(3));
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(of(damaged), 1) << "its checksum is wrong";
  for (const auto& content :
       {""s, "Raw profile type exif"s, "Raw profile type exif\0"s, "Raw profile type exif\0\0x"s}) {
    for (const auto* type : {"tEXt", "zTXt", "iTXt", "eXIf"}) EXPECT_EQ(of(text(type, content)), 1) << type;
  }
}

TEST_F(HostileImageTest, AppliesAnOrientationFoundInText) {
  using namespace std::string_literals;
  const std::string rows = "\0\x10\x20\x30"s + "\0\x40\x50\x60"s;
  const auto png = test::png_file(
      {3, 2, 8, 0, false, test::png_chunk("tEXt", "Raw profile type exif\0"s + raw_profile(exif_segment(6)))}, rows);
  const auto expected = torch::tensor({0x40, 0x10, 0x50, 0x20, 0x60, 0x30}, torch::kUInt8).view({3, 2, 1});
  EXPECT_TRUE(read_image(file(png)).equal(expected));
}

std::vector<std::string> fixtures(const std::string& extension) {
  std::vector<std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("images"))) {
    if (entry.path().extension() == extension && entry.path().stem() != "photo") {
      contents.push_back(test::content_of(entry.path()));
    }
  }
  std::sort(contents.begin(), contents.end());
  return contents;
}

void read_pixels(const std::filesystem::path& path) {
  EXPECT_GT(read_image(path).numel(), 0);
}

TEST(ImageMutations, OfPngAreReadOrRefused) {
  test::expect_read_or_refused({1, fixtures(".png"), read_pixels, test::repair_png});
}

TEST(ImageMutations, OfJpegAreReadOrRefused) {
  auto inputs = fixtures(".jpg");
  inputs.push_back(test::flat_jpeg({100, 80, true, 5}));
  test::expect_read_or_refused({2, inputs, read_pixels});
}

// Mutates only the text with the orientation, not the pixels.
TEST(ImageMutations, OfOrientationsAreReadOrIgnored) {
  using namespace std::string_literals;
  const std::string packet = xmp("tiff:Orientation=\"8\">");
  const std::vector<std::string> texts{test::tiff_with_orientation(6), raw_profile(exif_segment(6, 4)), packet};
  const test::TemporaryFolder folder;
  for (std::uint64_t index = 0; index < test::mutation_count(texts.size()); ++index) {
    const auto text = test::mutated(3, index, texts[index % texts.size()]);
    const auto packed = test::mutated(3, index, test::deflated(texts[index % texts.size()]));
    const auto path = folder / (std::to_string(index) + ".png");
    Png png{4, 2};
    png.before = test::png_chunk("eXIf", text) + test::png_chunk("tEXt", "Raw profile type exif\0"s + text);
    png.after = test::png_chunk("iTXt", "XML:com.adobe.xmp\0\1\0\0\0"s + packed);
    test::write_file(path, test::png_file(png));
    EXPECT_EQ(read_image(path).numel(), 8) << "mutation " << index;
    FlatJpeg jpeg{4, 2};
    jpeg.segments = {std::string("Exif\0\0", 6) + text, std::string(kXmpBegin) + text};
    std::filesystem::remove(path);  // some file systems wait for the disk when a file is overwritten
    test::write_file(path, test::flat_jpeg(jpeg));
    EXPECT_EQ(read_image(path).numel(), 8) << "mutation " << index;
    std::filesystem::remove(path);
  }
}

}  // namespace
}  // namespace mnist
