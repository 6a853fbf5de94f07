// Labelled pictures as files: which there are and of which class each is, before any of them is opened; and which of
// them are kept to validate on. Three layouts:
//
// - DIR/train/<class>/* and DIR/val/<class>/*, as torchvision's ImageFolder has it;
// - DIR/<class>/*, which `divide` divides;
// - FILE.csv, with a line `path,label` for each picture, which `divide` divides too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mnist/data/dataset.hpp"

namespace mnist {

struct PhotoFolder {
  std::filesystem::path dir;                   // DIR/train, DIR, or the folder of the CSV file
  std::vector<std::string> class_names;        // the names of the folders in it, or the labels, in the order of bytes
  std::vector<std::filesystem::path> paths;    // by class, then by name; also from folders within a class
  std::vector<std::int64_t> labels;            // of each path
  std::vector<std::filesystem::path> ignored;  // files that by their names are no PNG or JPEG; linked folders
  std::vector<std::filesystem::path> strays;   // PNG and JPEG files in `dir` itself, in the folder of no class
};

// Whether `dir` has the first layout: a folder DIR/train, DIR/val or DIR/test.
bool has_split_folders(const std::filesystem::path& dir);

// The folder of a split: DIR/train, DIR/val (or DIR/test for Split::test where there is no DIR/val). Throws a data
// `Error` where it is missing or unreadable, holds fewer than two classes, or a class has no image.
PhotoFolder scan_photo_folder(const std::filesystem::path& dir, Split split);

// All pictures of DIR/<class>/*, or those that the CSV file `from` lists: its first line names the columns, among them
// `path`, from the file's own folder on, and `label`; fields may stand in quotes. Throws as `scan_photo_folder`, and
// where a line of the CSV file makes no sense; that is of at most 64 MiB.
PhotoFolder scan_all(const std::filesystem::path& from);

// How pictures are divided: of each class, `share` is kept to validate on.
struct Division {
  double share = 0;  // above 0, below 1
  std::uint64_t seed = 1;
};

struct DividedPictures {
  PhotoFolder train;
  PhotoFolder val;
};

// Of each class, the pictures with the smallest SHA-256 of the seed and their bytes are kept to validate on: a pure
// function of the seed and the contents, so that a picture that is renamed or moved within its class stays on its side.
// Their number is the share of the class's pictures, rounded, and one at least; pictures of the same bytes are on the
// same side. Reads all files, and asks `stop_requested` before each. Throws a data `Error` where a class has fewer than
// two different pictures, and `Stopped`.
DividedPictures divide(
    const PhotoFolder& all, const Division& division,
    const std::function<bool()>& stop_requested = [] { return false; });

// Throws a data `Error` that names the classes that only one of them has.
void check_same_classes(const PhotoFolder& train, const PhotoFolder& test);

struct BrokenPhoto {
  std::filesystem::path path;
  std::string reason;
};

// Throws a data `Error` if a class of `folder`, from which the broken ones were taken, has no picture left.
void check_classes_are_left(const PhotoFolder& folder, const std::vector<BrokenPhoto>& broken);

}  // namespace mnist
