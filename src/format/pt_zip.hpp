// The zip format of torch.save, PyTorch 1.6 and newer: data.pkl describes the tensors, data/<key> contains the
// storages.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mnist/core/output.hpp"
#include "mnist/format/model_file.hpp"

#include "file_bytes.hpp"
#include "pickle_reader.hpp"
#include "pickled_tensors.hpp"
#include "zip_reader.hpp"
#include "zip_writer.hpp"

namespace mnist {

// An opened and checked archive of torch.save: its pickle as values, its storages by name.
class PtZip {
 public:
  // `file` must outlive this object; `memory`: limit for all tensors together, in bytes. Throws a data `Error` that
  // names the file.
  PtZip(const FileBytes& file, std::uint64_t memory);
  PtZip(const PtZip&) = delete;
  PtZip& operator=(const PtZip&) = delete;

  const PickleValue& root() const { return *root_; }  // the pickle's outermost value
  const PickleReader& pickle() const { return pickle_; }
  PickledTensorReader& tensors() { return tensors_; }
  const ZipReader& zip() const { return zip_; }

 private:
  ZipReader zip_;
  PickleReader pickle_;
  const PickleValue* root_ = nullptr;
  PickledTensorReader tensors_;
};

// Writes a whole archive. `storages`: contiguous, on the CPU, by number; `extras`: texts by the names of their records.
void write_pt_records(ZipWriter& zip, const std::string& pickle, const std::vector<torch::Tensor>& storages,
                      const std::vector<std::pair<std::string, std::string>>& extras);

inline constexpr auto kRecipeRecord = "extra/mnist.json";

// Throws a data `Error` naming the file.
ModelFile read_pt_zip(const FileBytes& file);

// `state`: contiguous, on the CPU. The root folder is always "archive", so that the bytes do not depend on the file
// name. Throws a data `Error` like `Output`; does not commit.
void write_pt_zip(Output& output, const NamedTensors& state, const Recipe& recipe, PickleLayout layout);

}  // namespace mnist
