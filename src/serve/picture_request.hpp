// POST /predict: pictures in, the JSON of `mnist infer` out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "mnist/core/error.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/data/decoding_memory.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/serve/http_server.hpp"
#include "mnist/serve/served_models.hpp"

namespace mnist {

struct PredictOptions {
  std::int64_t top_k = 1;
  double min_probability = 0;
  Invert invert = Invert::automatic;
  bool multi = false;       // all digits of a picture
  bool show_input = false;  // the network's inputs as PNG
};

// From the query. Throws an `HttpError` for an unknown name or a wrong value.
PredictOptions predict_options(const HttpRequest& request);

class PictureRequest {
 public:
  // Decodes the pictures of the request, one in the body or several in a form; takes the body. Pictures that cannot be
  // read have an answer of their own. Throws an `HttpError` if there is none, if the only one cannot be read, or if the
  // request needs too much work: more than 250 million pixels or 1,024 digits.
  PictureRequest(HttpRequest& request, const PredictOptions& options, std::shared_ptr<const ModelFacts> facts,
                 DecodingMemory& memory);

  // Inputs of the network, uint8 [N, C, H, W]; undefined if nothing was found.
  torch::Tensor pixels() const;

  // `logits`: float [N, classes] of `pixels`; undefined if there were none.
  HttpReply reply(const torch::Tensor& logits) const;

 private:
  struct Picture {
    std::string name;
    std::vector<FoundItem> items = {};
    PictureNote note = PictureNote::none;
    std::string reason = {};  // why there are no items; empty if there are
    std::optional<Error> error = std::nullopt;
  };

  void read(Picture& picture, std::string content, DecodingMemory& memory);
  void count_work(const InputFile& file);
  std::string line_of(const Picture& picture, std::vector<std::vector<ClassProbability>>::iterator& next) const;

  PredictOptions options_;
  std::shared_ptr<const ModelFacts> facts_;
  std::vector<Picture> pictures_;
  std::int64_t decoded_ = 0;  // pixels of all pictures
  std::size_t items_ = 0;     // inputs of the network
};

}  // namespace mnist
