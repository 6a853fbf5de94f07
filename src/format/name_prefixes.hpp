// Removes prefixes that wrappers put before every name of a state dict.
#pragma once

#include <string>

#include "mnist/format/named_tensors.hpp"

namespace mnist {

// Removes one after another each prefix that all names have: "module." (DataParallel, DistributedDataParallel,
// AveragedModel), "_orig_mod." (torch.compile), "model." and "net." (the usual attributes of a LightningModule). With
// "module." it also removes AveragedModel's counter "n_averaged". Returns the removed prefixes, for example
// "module._orig_mod."; empty if there are none.
std::string take_off_prefixes(NamedTensors& state);

}  // namespace mnist
