#!/usr/bin/env bash
# Reproduces CHTC's GPU template: 20 epochs of the LeNet.
#
#   scripts/reproduce/lenet.sh DIR [options of mnist train]
#
# DIR holds the MNIST files. Expected: at least 98.9 % right (its published run: 99.09 %).
# shellcheck source=scripts/reproduce/train.bash
source "$(dirname "${BASH_SOURCE[0]}")/train.bash"
reproduce 1 --arch lenet --epochs 20 -- "$@"
