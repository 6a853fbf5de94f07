"""Compares the networks for photos with torchvision's, for scripts/check_python: logits, a short training, the model.

check_network() prints one line per check and returns the number of failed checks.
"""

import json
import math
import pathlib
import subprocess
import tempfile

import torch
from PIL import Image
from torch import nn
from torchvision import datasets, models, transforms

from python_transfer import MEAN, STD

LOGIT_TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e-2
STEPS_COMPARED = 5  # from the same weights; rounding grows from one to the next
PHOTOS_COMPARED = 20
STEPS = 15
BATCH = 4

TO_INPUT = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
MIDDLE = transforms.Compose([transforms.CenterCrop(224), TO_INPUT])


def squares(source, target, most):
    """Writes up to `most` photos of each class of `source` as 256 x 256: both programs take the middle unscaled."""
    for folder in sorted(source.iterdir()):
        (target / folder.name).mkdir(parents=True)
        for path in sorted(folder.glob("*.jpg"))[:most]:
            photo = transforms.CenterCrop(256)(transforms.Resize(256)(Image.open(path).convert("RGB")))
            photo.save(target / folder.name / (path.stem + ".png"))


def random_network(arch, photos):
    """With torchvision's random weights, and the statistics that these photos have there."""
    torch.manual_seed(1)
    network = models.get_model(arch)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(photos)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    return network.eval()


def compare_logits(options, weights, network, photos):
    """The largest difference of two networks' logits, up to a constant, which log-probabilities share."""
    expected = {}
    for path in sorted(photos.glob("*/*.png")):
        expected[str(path)] = network(MIDDLE(Image.open(path)).unsqueeze(0)).log_softmax(1)[0]
    output = subprocess.run([options.mnist, "infer", "--model", weights, photos, "--top-k", "1000", "--format", "json",
                             "--device", "cpu"], check=True, stdout=subprocess.PIPE, text=True).stdout
    worst = 0.0
    for line in output.splitlines():
        said = json.loads(line)
        logs = torch.empty(1000, dtype=torch.float64)
        for entry in said["top_k"]:
            logs[entry["class_index"]] = math.log(max(entry["probability"], 1e-300))
        worst = max(worst, (logs - expected.pop(said["path"])).abs().max().item())
    return worst, not expected


def train(network, photos, last_layer):
    """The losses of the first steps, in the order of the files, without random crops and dropout."""
    head = network.get_submodule(last_layer)
    head.weight.data, head.bias.data = head.weight.data[:2].clone(), head.bias.data[:2].clone()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    data = datasets.ImageFolder(photos, MIDDLE)
    losses = []
    for step in range(STEPS):
        items = [data[step * BATCH + i] for i in range(BATCH)]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(torch.stack([item[0] for item in items])),
                                           torch.tensor([item[1] for item in items]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def count_right(network, photos):
    """How many photos of a folder of class folders a network tells right, and how many there are."""
    data = datasets.ImageFolder(photos, MIDDLE)
    network.eval()
    with torch.inference_mode():
        return sum(int(network(image.unsqueeze(0)).argmax(1) == label) for image, label in data), len(data)


def check_network(options, arch, weights=None):
    """`weights`: a file for ImageNet's classes; without, torchvision's random ones."""
    failures = 0

    def say(same, text):
        nonlocal failures
        failures += not same
        print(f"{'same' if same else 'DIFFERENT'}: {arch}: {text}")

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        squares(options.photos / "train", folder / "photos" / "train", STEPS * BATCH // 2)
        squares(options.photos / "val", folder / "photos" / "val", PHOTOS_COMPARED // 2)
        if weights is None:
            paths = sorted((folder / "photos" / "train").glob("*/*.png"))[::4]
            network = random_network(arch, torch.stack([MIDDLE(Image.open(path)) for path in paths]))
            weights = folder / "random.pth"
            torch.save(network.state_dict(), weights)
        network = models.get_model(arch)
        network.load_state_dict(torch.load(weights, weights_only=True))
        network.eval()
        with torch.inference_mode():
            worst, whole = compare_logits(options, weights, network, folder / "photos" / "val")
        say(worst < LOGIT_TOLERANCE and whole, f"logits of {PHOTOS_COMPARED} photos: largest difference {worst:.1e}")

        last_layer = [key for key, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
        # A last layer of two outputs, so that both programs begin with the same one.
        start = {key: value[:2].clone() if key.startswith(last_layer + ".") else value
                 for key, value in network.state_dict().items()}
        torch.save(start, folder / "start.pth")
        trained = folder / "trained.pt"
        subprocess.run([options.mnist, "train", "--arch", arch, "--data-dir", folder / "photos", "--weights",
                        folder / "start.pth", "--epochs", "1", "--limit-batches", str(STEPS), "--device", "cpu",
                        "--augment", "off", "--shuffle", "off", "--log-interval", "1", "--output", trained, "--run-dir",
                        folder / "run"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
        ours = [row["loss"] for row in rows if row["kind"] == "train"]
        has_dropout = any(isinstance(module, nn.Dropout) for module in network.modules())
        theirs = train(network, folder / "photos" / "train", last_layer)
        apart = [abs(one - other) for one, other in zip(ours, theirs, strict=True)]
        first = max(apart[:STEPS_COMPARED])
        said = f"losses of {STEPS} steps of {BATCH} photos: {theirs[0]:.4f} to {theirs[-1]:.4f}, mnist "\
               f"{ours[0]:.4f} to {ours[-1]:.4f}, at most {first:.1e} apart in the first {STEPS_COMPARED}, "\
               f"{max(apart):.1e} in all"
        if has_dropout:  # which drops other elements there
            print(f"not compared: {arch}: {said}; torchvision's without its dropout")
        else:
            say(first < LOSS_TOLERANCE, said)

        checkpoint = torch.load(trained, weights_only=True)
        network = models.get_model(arch, num_classes=len(checkpoint["class_names"]))
        network.load_state_dict(checkpoint["state_dict"])
        correct, total = count_right(network, folder / "photos" / "val")
        output = subprocess.run([options.mnist, "evaluate", "--model", trained, "--data-dir", folder / "photos",
                                 "--device", "cpu", "--format", "json"],
                                check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        said = json.loads(output)
        say(said["correct"] == correct and said["total"] == total,
            f"written by mnist: torchvision {correct}/{total}, mnist {said['correct']}/{said['total']}")
    return failures
