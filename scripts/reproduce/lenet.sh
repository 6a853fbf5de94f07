#!/usr/bin/env bash
# Reproduces CHTC's GPU template: 20 epochs of the LeNet.
#
#   scripts/reproduce/lenet.sh DIR [options of mnist train]
#
# DIR contains the MNIST files. Expected accuracy: at least 98.9 % (published run: 99.09 %).
# shellcheck source=scripts/reproduce/train.bash
source "$(dirname "${BASH_SOURCE[0]}")/train.bash"
reproduce 1 --arch lenet --epochs 20 -- "$@"
