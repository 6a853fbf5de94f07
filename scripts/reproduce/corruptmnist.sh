#!/usr/bin/env bash
# Reproduces the corrupted-MNIST exercise: 10 epochs of its network.
#
#   scripts/reproduce/corruptmnist.sh DIR [options of mnist train]
#
# DIR contains corruptmnist/. Expected accuracy: at least 95.5 % (PyTorch with the same files: 96.1 %).
# shellcheck source=scripts/reproduce/train.bash
source "$(dirname "${BASH_SOURCE[0]}")/train.bash"
reproduce 1 --arch convnet -- "$@"
