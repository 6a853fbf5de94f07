// Labelled picture files: lists them with their classes, without opening them, and divides them into training and
// validation pictures. Three layouts:
//
// - DIR/train/<class>/* and DIR/val/<class>/*, the layout of torchvision's ImageFolder;
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
  std::filesystem::path dir;                   // DIR/train, DIR, or the folder of the CSV file; "." for a stream
  std::vector<std::string> class_names;        // the names of its folders, or the labels, in byte order
  std::vector<std::filesystem::path> paths;    // sorted by class, then by name; includes subfolders of a class
  std::vector<std::int64_t> labels;            // of each path
  std::vector<std::filesystem::path> ignored;  // files without a PNG or JPEG ending; linked folders
  std::vector<std::filesystem::path> strays;   // PNG and JPEG files directly in `dir`, without a class
};

// Whether `dir` has the first layout: it contains a folder train, val or test.
bool has_split_folders(const std::filesystem::path& dir);

// Lists the pictures of a split: DIR/train, or DIR/val for Split::test (DIR/test if there is no DIR/val). Throws a data
// `Error` if the folder is missing or unreadable, has fewer than two classes, or a class has no picture.
PhotoFolder scan_photo_folder(const std::filesystem::path& dir, Split split);

// Lists all pictures of DIR/<class>/*, or those of the CSV file `from`. The first line of the CSV file names the
// columns; it needs `path`, relative to the folder of the CSV file, and `label`. Fields may be quoted. Throws like
// `scan_photo_folder`, and if a line of the CSV file is invalid or the file is larger than 64 MiB.
PhotoFolder scan_all(const std::filesystem::path& from);

// Called after each file, by any thread: how many of all files are read.
using ReadProgress = std::function<void(std::int64_t done, std::int64_t all)>;

// How to divide pictures: `share` of each class is for validation.
struct Division {
  double share = 0;  // above 0, below 1
  std::uint64_t seed = 1;
};

struct DividedPictures {
  PhotoFolder train;
  PhotoFolder val;
};

// Divides pictures into training and validation pictures. In each class, the pictures with the smallest SHA-256 of seed
// and file content are for validation. So a picture that is renamed or moved within its class stays in its part. Their
// number is the share of the class's pictures, rounded, at least one. Pictures with the same content are in the same
// part. Reads all files; calls `stop_requested` before each one. Throws a data `Error` if a class has fewer than two
// different pictures, and `Stopped` on request.
DividedPictures divide(
    const PhotoFolder& all, const Division& division,
    const std::function<bool()>& stop_requested = [] { return false; },
    const ReadProgress& progress = [](std::int64_t, std::int64_t) {});

// A picture for validation whose bytes are also those of a picture for training, of the same class or another one.
struct SharedPicture {
  std::filesystem::path train;
  std::filesystem::path val;
};

// The pictures for validation that are also for training. Reads only files that have the size of a file of the other
// part; unreadable ones are left out.
std::vector<SharedPicture> shared_pictures(
    const DividedPictures& sides, const std::function<bool()>& stop_requested = [] { return false; });

// Throws a data `Error` with the names of classes that only one of the two folders has.
void check_same_classes(const PhotoFolder& train, const PhotoFolder& test);

struct BrokenPhoto {
  std::filesystem::path path;
  std::string reason;
};

// Throws a data `Error` if a class of `folder` has become empty by the removal of broken pictures. `before`: the labels
// of all pictures.
void check_classes_are_left(const std::vector<std::int64_t>& before, const PhotoFolder& folder,
                            const std::vector<BrokenPhoto>& broken);

}  // namespace mnist
