"""Checks model files in both directions between mnist and PyTorch. Run it with scripts/check_python; see its --help.

Prints one line per check. Exit code 1 if a check fails.
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import safetensors.torch
import torch
from torch.nn import functional

from check_photos import check_network
from python_mnist import MEAN, STD, Net

LOSS_TOLERANCE = 1e-5       # of a mean over the whole test set, which sums in another order


def load_split(folder, prefix):
    """Normalised images [N, 1, 28, 28] and labels [N] of one split, from the two gzipped idx files."""
    with gzip.open(folder / f"{prefix}-images-idx3-ubyte.gz") as file:
        pixels = numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / f"{prefix}-labels-idx1-ubyte.gz") as file:
        labels = numpy.frombuffer(file.read(), numpy.uint8, offset=8)
    images = (torch.from_numpy(pixels.astype(numpy.float32)) / 255 - MEAN) / STD
    return images, torch.from_numpy(labels.astype(numpy.int64))


def evaluate(model, images, labels):
    """(number right, mean loss) in evaluation mode."""
    model.eval()
    correct, loss = 0, 0.0
    with torch.inference_mode():
        for batch, targets in zip(images.split(1000), labels.split(1000)):
            output = model(batch)
            loss += functional.nll_loss(output, targets, reduction="sum").item()
            correct += (output.argmax(1) == targets).sum().item()
    return correct, loss / len(labels)


def train_a_little(images, labels):
    """A model from Python that is right often enough for a swapped weight to show."""
    torch.manual_seed(3)
    model = Net().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for batch, targets in zip(images[:6400].split(128), labels[:6400].split(128)):
        optimizer.zero_grad()
        functional.nll_loss(model(batch), targets).backward()
        optimizer.step()
    return model


def check_digits(options):
    """Prints a line for each check; returns how many failed."""
    test_images, test_labels = load_split(options.data_dir / "MNIST" / "raw", "t10k")
    failures = 0

    def compare(what, path, model):
        nonlocal failures
        correct, loss = evaluate(model, test_images, test_labels)
        output = subprocess.run(
            [options.mnist, "evaluate", "--model", path, "--data-dir", options.data_dir, "--device", "cpu",
             "--format", "json"],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        said = json.loads(output.splitlines()[-1])
        same = (said["correct"] == correct and said["total"] == len(test_labels)
                and abs(said["loss"] - loss) < LOSS_TOLERANCE)
        failures += not same
        print(f"{'same' if same else 'DIFFERENT'}: {what}: PyTorch {correct}/{len(test_labels)}, loss {loss:.6f}; "
              f"mnist {said['correct']}/{said['total']}, loss {said['loss']:.6f}")

    model = Net()
    model.load_state_dict(torch.load(options.model, weights_only=True))
    compare("written by mnist", options.model, model)

    model = train_a_little(*load_split(options.data_dir / "MNIST" / "raw", "train"))
    with tempfile.TemporaryDirectory() as folder:
        for name, save in {
            "model.pt": lambda path: torch.save(model.state_dict(), path),
            "legacy.pt": lambda path: torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False),
            "model.safetensors": lambda path: safetensors.torch.save_file(model.state_dict(), path),
        }.items():
            path = pathlib.Path(folder, name)
            save(path)
            compare(f"written by Python as {name}", path, model)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("--random", default="")
    parser.add_argument("--mnist", default="build/release/bin/mnist")
    options = parser.parse_args()
    if (options.data_dir is None) != (options.model is None):
        parser.error("--data-dir and --model go together")
    if options.photos is None and (options.weights or options.random or options.data_dir is None):
        parser.error("--photos is missing")
    failures = 0
    if options.model:
        failures += check_digits(options)
    if options.weights:
        failures += check_network(options, "resnet18", options.weights)
    for arch in filter(None, options.random.split(",")):
        failures += check_network(options, arch)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
