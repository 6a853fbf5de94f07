#!/usr/bin/env bash
# Reproduces the MNIST tutorial: 14 epochs of the CNN.
#
#   scripts/reproduce/mnist_cnn.sh DIR [options of mnist train]
#
# DIR holds the MNIST files. Expected: about 99.2 % right.
# shellcheck source=scripts/reproduce/train.bash
source "$(dirname "${BASH_SOURCE[0]}")/train.bash"
reproduce 1 --epochs 14 -- "$@"
