#!/usr/bin/env bash
# Reproduces the transfer-learning tutorial on ants and bees: 25 epochs of ResNet-18 from ImageNet weights;
# the last layer alone is trained.
#
#   scripts/reproduce/hymenoptera_fixedfeature.sh DIR WEIGHTS [options of mnist train]
#
# DIR holds train/ and val/ (scripts/fetch_data hymenoptera), WEIGHTS is resnet18-f37072fd.pth (scripts/fetch_data
# resnet18) or another ResNet-18. Expected: at least 93.5 % right after the best epoch as the mean of three
# seeds (--seed N); docs/results.md has the figures of such runs.
# shellcheck source=scripts/reproduce/train.bash
source "$(dirname "${BASH_SOURCE[0]}")/train.bash"
reproduce 2 --arch resnet18 --scenario fixedfeature -- "$@"
