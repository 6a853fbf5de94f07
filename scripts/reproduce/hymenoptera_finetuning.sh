#!/usr/bin/env bash
# Reproduces the transfer-learning tutorial on ants and bees: 25 epochs of ResNet-18 from ImageNet weights;
# the whole network is trained.
#
#   scripts/reproduce/hymenoptera_finetuning.sh DIR WEIGHTS [options of mnist train]
#
# DIR contains train/ and val/ (scripts/fetch_data hymenoptera), WEIGHTS is resnet18-f37072fd.pth (scripts/fetch_data
# resnet18) or another ResNet-18. Expected accuracy of the best epoch: at least 94.5 % as the mean of three seeds
# (--seed N); for figures see docs/results.md.
# shellcheck source=scripts/reproduce/train.bash
source "$(dirname "${BASH_SOURCE[0]}")/train.bash"
reproduce 2 --arch resnet18 --scenario finetuning -- "$@"
