#!/usr/bin/env bash
# Reproduces the corrupted-MNIST exercise: 10 epochs of its network.
#
#   scripts/reproduce/corruptmnist.sh DIR [options of mnist train]
#
# DIR holds corruptmnist/. Expected: at least 95.5 % right (PyTorch with the same files: 96.1 %).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

case "${1---help}" in
  -h | --help) print_head_comment "$0" && exit ;;
esac

exec "${MNIST:-build/release/bin/mnist}" train --arch convnet --data-dir "$@"
