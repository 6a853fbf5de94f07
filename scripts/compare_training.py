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

HERE = pathlib.Path(__file__).parent


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def run(command):
    """(seconds of the whole process, its output, peak resident memory in MiB)."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)  # which is the one way to learn the memory of one process
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return seconds, output, usage.ru_maxrss / 1024


def accuracies(output):
    """Accuracy on the test set after each epoch."""
    pairs = re.findall(r"Accuracy: (\d+)/(\d+)", output)
    return [int(right) / int(total) for right, total in pairs] or list(map(float, re.findall(r"val Loss: \S+ Acc: (\S+)",
                                                                                            output)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=["mnist", "finetuning", "fixedfeature"], default="mnist")
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--weights")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--mnist", default="build/release/bin/mnist")
    options = parser.parse_args()
    epochs = options.epochs or (2 if options.task == "mnist" else 3)

    version = subprocess.run([options.mnist, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    print(f"{processor()}, {torch.get_num_threads()} threads; PyTorch {torch.__version__}; {version.strip()}")
    results = {"mnist": [], "Python": []}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, options.seeds + 1):
            common = ["--data-dir", options.data_dir, "--epochs", str(epochs), "--seed", str(seed),
                      "--output", f"{folder}/model.pt"]
            program = HERE / "python_mnist.py"
            ours = []
            if options.task != "mnist":
                common += ["--weights", options.weights, "--scenario", options.task]
                program = HERE / "python_transfer.py"
                ours = ["--arch", "resnet18"]
            commands = {
                "mnist": [options.mnist, "train", "--device", "cpu", "--run-dir", f"{folder}/run-{seed}", *ours, *common],
                "Python": [sys.executable, program, *common],
            }
            for name, command in commands.items():
                seconds, output, memory = run(command)
                after = accuracies(output)
                results[name].append((seconds, after[-1], max(after), memory))
                print(f"seed {seed}  {name:6}  {seconds:7.1f} s  {100 * after[-1]:.2f} % right after the last epoch, "
                      f"{100 * max(after):.2f} % after the best  {memory:6.0f} MiB", flush=True)
    for name, runs in results.items():
        seconds, last, best, memory = zip(*runs)
        print(f"{name:6}  median {statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})  "
              f"mean right {100 * statistics.mean(last):.2f} % (least {100 * min(last):.2f} %), "
              f"best epoch {100 * statistics.mean(best):.2f} %, peak memory {statistics.median(memory):.0f} MiB")
    ratios = [python[0] / ours[0] for ours, python in zip(results["mnist"], results["Python"])]
    print(f"Python takes {statistics.median(ratios):.2f} times as long "
          f"(median of {len(ratios)} rounds, {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
