# Sourced: makes files like MNIST's for tests of an installed program.
# shellcheck shell=bash

# images FILE COUNT, labels FILE COUNT: as MNIST's files, with black images of class 0. COUNT is below 256.
images() {
  local count
  printf -v count '\\0%03o' "$2"
  printf '%b' "\\0\\0\\010\\003\\0\\0\\0$count\\0\\0\\0\\034\\0\\0\\0\\034" >"$1"
  head -c $(($2 * 28 * 28)) /dev/zero >>"$1"
}
labels() {
  local count
  printf -v count '\\0%03o' "$2"
  printf '%b' "\\0\\0\\010\\001\\0\\0\\0$count" >"$1"
  head -c "$2" /dev/zero >>"$1"
}

# tiny_mnist DIR: 20 images to train on and 10 to test with, where --data-dir DIR finds them.
tiny_mnist() {
  mkdir -p "$1/MNIST/raw"
  images "$1/MNIST/raw/train-images-idx3-ubyte" 20
  labels "$1/MNIST/raw/train-labels-idx1-ubyte" 20
  images "$1/MNIST/raw/t10k-images-idx3-ubyte" 10
  labels "$1/MNIST/raw/t10k-labels-idx1-ubyte" 10
}
