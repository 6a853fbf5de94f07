#!/usr/bin/env bash
# Reproduces CHTC's GPU template: 20 epochs of the LeNet.
#
#   scripts/reproduce/lenet.sh DIR [options of mnist train]
#
# DIR holds the MNIST files. Expected: at least 98.9 % right (its published run: 99.09 %).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

case "${1---help}" in
  -h | --help) print_head_comment "$0" && exit ;;
esac

exec "${MNIST:-build/release/bin/mnist}" train --arch lenet --epochs 20 --data-dir "$@"
