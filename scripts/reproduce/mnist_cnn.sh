#!/usr/bin/env bash
# Reproduces the MNIST tutorial: 14 epochs of the CNN.
#
#   scripts/reproduce/mnist_cnn.sh DIR [options of mnist train]
#
# DIR contains the MNIST files. Expected accuracy: about 99.2 %.
# shellcheck source=scripts/reproduce/train.bash
source "$(dirname "${BASH_SOURCE[0]}")/train.bash"
reproduce 1 --epochs 14 -- "$@"
