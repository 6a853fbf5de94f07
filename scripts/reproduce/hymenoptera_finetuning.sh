#!/usr/bin/env bash
# Reproduces the transfer-learning tutorial on ants and bees: 25 epochs of ResNet-18 from ImageNet weights; the whole network is trained.
#
#   scripts/reproduce/hymenoptera_finetuning.sh DIR WEIGHTS [options of mnist train]
#
# DIR holds train/ and val/ (scripts/fetch_data hymenoptera), WEIGHTS is resnet18-f37072fd.pth (scripts/fetch_data
# resnet18) or another ResNet-18. Expected: at least 94.5 % right after the best epoch, mean of three seeds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

case "${1---help}" in
  -h | --help) print_head_comment "$0" && exit ;;
esac

dir=$1
weights=${2?a file with weights}
shift 2
exec "${MNIST:-build/release/bin/mnist}" train --arch resnet18 --scenario finetuning --data-dir "$dir" --weights "$weights" "$@"
