"""Trains with mnist and with Python in turn. Started by scripts/compare_training, which explains the options."""

import argparse
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import torch

PYTHON_PROGRAM = pathlib.Path(__file__).with_name("python_mnist.py")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def run(command):
    """(seconds of the whole process, number right after the last epoch, peak resident memory in MiB)."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)  # which is the one way to learn the memory of one child
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return seconds, int(re.findall(r"Accuracy: (\d+)/\d+", output)[-1]), usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--mnist", default="build/release/bin/mnist")
    options = parser.parse_args()

    version = subprocess.run([options.mnist, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    print(f"{processor()}, {torch.get_num_threads()} threads; PyTorch {torch.__version__}; {version.strip()}")
    results = {"mnist": [], "Python": []}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, options.seeds + 1):
            common = ["--data-dir", options.data_dir, "--epochs", str(options.epochs), "--seed", str(seed),
                      "--output", f"{folder}/model.pt"]
            commands = {
                "mnist": [options.mnist, "train", "--device", "cpu", "--run-dir", f"{folder}/run-{seed}", *common],
                "Python": [sys.executable, PYTHON_PROGRAM, *common],
            }
            for name, command in commands.items():
                results[name].append(run(command))
                seconds, correct, memory = results[name][-1]
                print(f"seed {seed}  {name:6}  {seconds:7.1f} s  {correct} right  {memory:6.0f} MiB", flush=True)
    for name, runs in results.items():
        seconds, correct, memory = zip(*runs)
        print(f"{name:6}  median {statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})  "
              f"mean {statistics.mean(correct):.1f} right, least {min(correct)}, "
              f"peak memory {statistics.median(memory):.0f} MiB")
    ratios = [python[0] / ours[0] for ours, python in zip(results["mnist"], results["Python"])]
    print(f"Python takes {statistics.median(ratios):.2f} times as long "
          f"(median of {len(ratios)} rounds, {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
