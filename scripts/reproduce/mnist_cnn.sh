#!/usr/bin/env bash
# Reproduces the MNIST tutorial: 14 epochs of the CNN.
#
#   scripts/reproduce/mnist_cnn.sh DIR [options of mnist train]
#
# DIR holds the MNIST files. Expected: about 99.2 % right.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

case "${1---help}" in
  -h | --help) print_head_comment "$0" && exit ;;
esac

exec "${MNIST:-build/release/bin/mnist}" train --epochs 14 --data-dir "$@"
