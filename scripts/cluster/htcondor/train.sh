#!/usr/bin/env bash
# The script of an HTCondor job (cpu.sub, gpu.sub, sweep.sub): unpacks data and program in the scratch folder, and
# trains.
#
#   scripts/cluster/htcondor/train.sh RUN [options of mnist train]
#
#   RUN   the run directory: the job's checkpoint and its result; the model is RUN/mnist_cnn.pt
#
# The data are in MNIST_data.tar.gz, which contains data/MNIST/raw or MNIST/raw. The program is `mnist` of the container
# image, or is in mnist.tar.gz (scripts/cluster/pack). HTCondor restarts the script with the same arguments after each
# checkpoint and each eviction; --resume auto then continues the run. Exit codes: those of mnist, such as 85 after a
# checkpoint and 143 after SIGTERM; 1 if a file is missing.
set -euo pipefail
case "${1--h}" in
  -h | --help) sed -n '2,${/^#/!q; s/^# \{0,1\}//p}' "$0" && exit ;;
esac
run=$1
shift

echo "# $run on $HOSTNAME, processors: $(nproc), GPUs: ${CUDA_VISIBLE_DEVICES:-none}"

# First of all: HTCondor puts a job on hold whose folder for checkpoints and results is not there.
mkdir -p "$run"

# At every start, for every scratch folder is a new one.
if ! [ -f MNIST_data.tar.gz ]; then
  echo "error: the training data, MNIST_data.tar.gz, are missing" >&2
  echo "hint: add the file to transfer_input_files of the submit description; scripts/cluster/pack data creates it" >&2
  exit 1
fi
tar -xzf MNIST_data.tar.gz
data=.
[ ! -d data/MNIST ] || data=data

program=mnist
if [ -f mnist.tar.gz ]; then
  # Started again after a checkpoint, it is in the same scratch folder, where unpacking has been done.
  [ -e mnist/unpacked ] || { tar -xzf mnist.tar.gz && touch mnist/unpacked; }
  program=./mnist/bin/mnist
  export LD_LIBRARY_PATH=$PWD/mnist/lib:$PWD/mnist/torch/lib
elif ! command -v mnist >/dev/null; then
  echo "error: there is no program mnist: neither mnist.tar.gz here nor one in the image" >&2
  echo "hint: create the file with scripts/cluster/pack program, or use an image: condor_submit image=docker://..." >&2
  exit 1
fi

# exec: HTCondor signals the process that it started and takes its exit code, so that process has to be mnist. One
# checkpoint, the newest, and the one after the best epoch are what is worth sending.
exec "$program" train --data-dir "$data" --run-dir "$run" --output "$run/mnist_cnn.pt" --resume auto --keep 1 "$@"
