// The prefixes that wrappers put before every name of a state dict.
#pragma once

#include <string>

#include "mnist/format/named_tensors.hpp"

namespace mnist {

// Takes off, one after another, each prefix that all names have: "module." (DataParallel, DistributedDataParallel,
// AveragedModel), "_orig_mod." (torch.compile), "model." and "net." (the usual attributes of a LightningModule).
// AveragedModel's count beside them, "n_averaged", goes with "module.". Returns what was taken off,
// "module._orig_mod."; empty if nothing was.
std::string take_off_prefixes(NamedTensors& state);

}  // namespace mnist
