// The Open Inference Protocol, version 2, which clients of KServe and Triton speak: requests and answers of
// /v2/models/M/infer, as JSON or with its extension for binary tensors.
//
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
// https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/serve/http_server.hpp"

namespace mnist {

// The tensors of every model: pixels in, logits and their softmax out.
inline constexpr const char* kPixels = "pixels";                // UINT8 [N, C, H, W]
inline constexpr const char* kProbabilities = "probabilities";  // FP32 [N, classes]
inline constexpr const char* kLogits = "logits";                // FP32 [N, classes]

struct WantedOutput {
  std::string name;     // one of the two
  bool binary = false;  // as bytes after the JSON
};

struct InferCall {
  std::string id;  // of the client; may be empty
  torch::Tensor pixels;
  std::vector<WantedOutput> outputs;
};

// Throws an `HttpError` that says what is wrong with the request.
InferCall parse_infer(const HttpRequest& request, const Preprocessing& preprocessing);

// The same for calls whose reading takes less time than waking another thread: pixels as bytes or as a plain list, and
// little JSON beside them. Nothing for others.
std::optional<InferCall> parse_quick_infer(const HttpRequest& request, const Preprocessing& preprocessing);

// `logits`: float [N, classes].
HttpReply infer_reply(const InferCall& call, const std::string& model, const std::string& version, const Recipe& recipe,
                      const torch::Tensor& logits);

}  // namespace mnist
