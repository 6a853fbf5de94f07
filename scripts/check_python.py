"""Model files both ways between mnist and PyTorch. Started by scripts/check_python, which explains the options.

Prints one line a check and ends with 1 where a check fails.
"""

import argparse
import gzip
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy
import safetensors.torch
import torch
from PIL import Image
from torch.nn import functional
from torchvision import datasets, models, transforms

from python_mnist import MEAN, STD, Net
from python_transfer import MEAN as PHOTO_MEAN, STD as PHOTO_STD

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


LOGIT_TOLERANCE = 1e-4
PHOTOS_COMPARED = 20


def check_resnet18(options):
    """Prints a line for each check; returns how many failed."""
    to_input = transforms.Compose([transforms.ToTensor(), transforms.Normalize(PHOTO_MEAN, PHOTO_STD)])
    network = models.resnet18()
    network.load_state_dict(torch.load(options.weights, weights_only=True))
    network.eval()
    failures = 0
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        # Photos of 256 x 256, of which both programs take the middle without scaling: the same pixels on both sides.
        paths = sorted((options.photos / "val").glob("*/*.jpg"))[::7][:PHOTOS_COMPARED]
        expected = {}
        for index, path in enumerate(paths):
            photo = transforms.CenterCrop(256)(transforms.Resize(256)(Image.open(path).convert("RGB")))
            photo.save(f"{folder}/{index:02}.png")
            logits = network(to_input(transforms.CenterCrop(224)(photo)).unsqueeze(0))
            expected[f"{folder}/{index:02}.png"] = logits.log_softmax(1)[0]
        output = subprocess.run([options.mnist, "infer", "--model", options.weights, folder, "--top-k", "1000",
                                 "--format", "json", "--device", "cpu"],
                                check=True, stdout=subprocess.PIPE, text=True).stdout
        worst = 0.0
        for line in output.splitlines():
            said = json.loads(line)
            logs = torch.empty(1000, dtype=torch.float64)
            for entry in said["top_k"]:
                logs[entry["class_index"]] = math.log(max(entry["probability"], 1e-300))
            # Logits up to a constant, which log-probabilities share.
            worst = max(worst, (logs - expected.pop(said["path"])).abs().max().item())
        same = worst < LOGIT_TOLERANCE and not expected
        failures += not same
        print(f"{'same' if same else 'DIFFERENT'}: logits of {len(paths)} photos: largest difference {worst:.1e}")

        trained = f"{folder}/resnet18.pt"
        subprocess.run([options.mnist, "train", "--arch", "resnet18", "--data-dir", options.photos, "--weights",
                        options.weights, "--epochs", "1", "--limit-batches", "15", "--device", "cpu", "--output",
                        trained, "--run-dir", f"{folder}/run"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        checkpoint = torch.load(trained, weights_only=True)
        network = models.resnet18(num_classes=len(checkpoint["class_names"]))
        network.load_state_dict(checkpoint["state_dict"])
        network.eval()
        prepare = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), to_input])
        photos = datasets.ImageFolder(options.photos / "val", prepare)
        correct = sum(int(network(image.unsqueeze(0)).argmax(1) == label) for image, label in photos)
        output = subprocess.run([options.mnist, "evaluate", "--model", trained, "--data-dir", options.photos,
                                 "--device", "cpu", "--format", "json"],
                                check=True, stdout=subprocess.PIPE, text=True).stdout
        said = json.loads(output)
        same = said["correct"] == correct and checkpoint["class_names"] == photos.classes
        failures += not same
        print(f"{'same' if same else 'DIFFERENT'}: ResNet-18 written by mnist: torchvision {correct}/{len(photos)}, "
              f"mnist {said['correct']}/{said['total']}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", required=True, type=pathlib.Path)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("--mnist", default="build/release/bin/mnist")
    options = parser.parse_args()
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
    if options.photos:
        failures += check_resnet18(options)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
