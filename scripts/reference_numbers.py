#!/usr/bin/env python3
"""Writes tests/fixtures/reference_numbers.json: PyTorch's results, for comparison in the tests.

Weights, pixels and gradients come from a small integer hash, which the C++ tests also compute
(tests/support/hashed.hpp), so that no weights have to be committed. Needs the packages of scripts/check_python.txt (the
file names torch's version).

  python3 scripts/reference_numbers.py            rewrite the fixture
  python3 scripts/reference_numbers.py --check    compare with the fixture instead, exit status 1 on a difference
"""
import argparse
import json
import math
import sys
from pathlib import Path

import numpy
import PIL.Image
import torch
import torchvision
from torch import nn
from torch.nn import functional
from torchvision import transforms as v1

FIXTURE = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "reference_numbers.json"


class Cnn(nn.Module):
    """The tutorial's network, without its dropout: masks are the program's own."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = functional.relu(self.conv2(functional.relu(self.conv1(x))))
        x = functional.max_pool2d(x, 2).flatten(1)
        return self.fc2(functional.relu(self.fc1(x)))


class LeNet(nn.Module):
    """The network of CHTC's templates."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(800, 500)
        self.fc2 = nn.Linear(500, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        return self.fc2(functional.relu(self.fc1(x.flatten(1))))


class ConvNet(nn.Module):
    """The network of the corrupted-MNIST exercise, without its dropout."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 128, 3)
        self.fc1 = nn.Linear(128, 10)

    def forward(self, x):
        for convolution in (self.conv1, self.conv2, self.conv3):
            x = functional.max_pool2d(functional.relu(convolution(x)), 2)
        return self.fc1(x.flatten(1))


def hashed(count, salt):
    """uint32 [count]: a hash of (index, salt)."""
    with numpy.errstate(over="ignore"):
        x = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(salt) * numpy.uint32(97)
        x ^= x >> numpy.uint32(15)
        x *= numpy.uint32(0x2C1B3C6D)
        x ^= x >> numpy.uint32(12)
        x *= numpy.uint32(0x297A2D39)
        x ^= x >> numpy.uint32(15)
    return x


def uniform(shape, salt, bound):
    """float32 in [-bound, bound), exact in both languages."""
    u = hashed(math.prod(shape), salt).astype(numpy.float64) / 2**32
    return torch.from_numpy(((2 * u - 1) * bound).astype(numpy.float32).reshape(shape))


def sample(tensor):
    """A few numbers that stand for a tensor."""
    flat = tensor.detach().double().flatten()
    return {"sum": flat.sum().item(), "abs_sum": flat.abs().sum().item(),
            "elements": [flat[i].item() for i in (0, flat.numel() // 2, flat.numel() - 1)]}


def digits():
    """Inputs [80, 1, 28, 28] of the networks for digits."""
    pixels = torch.from_numpy((hashed(80 * 784, 1000) & 255).astype(numpy.uint8)).reshape(80, 1, 28, 28)
    return pixels.float().div(255).sub(0.1307).div(0.3081)


def photos():
    """Inputs [80, 3, 64, 64] of the networks for photos."""
    pixels = torch.from_numpy((hashed(80 * 3 * 64 * 64, 1000) & 255).astype(numpy.uint8)).reshape(80, 3, 64, 64)
    return pixels.float().div(255).sub(0.45).div(0.22)


def network_numbers(make, optimizer_of, inputs, steps=10, every=1, evaluates=False):
    """`every`: initial weights and gradients of so manieth parameters, and of the last two. `evaluates`: also logits in
    evaluation mode after the steps, which depend on the running statistics of BatchNorm."""
    torch.manual_seed(1)
    network = make()
    names = [name for name, _ in network.named_parameters()]
    names = names[::every] if every == 1 else names[:-2:every] + names[-2:]
    parameters = dict(network.named_parameters())
    numbers = {"initial": {name: sample(parameters[name]) for name in names}}
    with torch.no_grad():
        for salt, parameter in enumerate(network.parameters()):
            parameter.copy_(uniform(parameter.shape, salt, 0.05))
    network.to(inputs.dtype)
    targets = torch.arange(80) % 10

    logits = network(inputs[:8])
    loss = functional.nll_loss(functional.log_softmax(logits, dim=1), targets[:8])
    loss.backward()
    numbers["logits"] = logits.detach().double().flatten().tolist()
    numbers["gradients"] = {name: sample(parameters[name].grad) for name in names}

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()  # the steps alone are to count
    optimizer = optimizer_of(network.parameters())
    numbers["losses"] = []
    for step in range(steps):
        batch = slice(8 * step, 8 * step + 8)
        optimizer.zero_grad()
        loss = functional.nll_loss(functional.log_softmax(network(inputs[batch]), dim=1), targets[batch])
        loss.backward()
        optimizer.step()
        numbers["losses"].append(loss.item())
    if evaluates:
        numbers["evaluated"] = network.eval()(inputs[:2]).detach().flatten().tolist()
    return numbers


def mobilenet():
    """torchvision's, without its dropout."""
    network = torchvision.models.mobilenet_v3_small(num_classes=10)
    network.classifier[2].p = 0
    return network


def optimizer_numbers(optimizer_of):
    """16 parameters after each 10th of 100 steps with hashed gradients."""
    parameter = nn.Parameter(uniform((16,), 1, 1.0))
    optimizer = optimizer_of([parameter])
    after = []
    for step in range(100):
        parameter.grad = uniform((16,), 100 + step, 0.5)
        optimizer.step()
        if step % 10 == 9:
            after.append(parameter.detach().double().tolist())
    return after


def one_cycle_numbers():
    """The learning rate of each of 20 steps."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2, total_steps=20, cycle_momentum=False)
    rates = []
    for _ in range(20):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if len(rates) < 20:
            scheduler.step()
    return rates


def cosine_numbers():
    """The learning rate of each of 20 steps: 5 of warm-up, then from 2 to 0."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 5, total_iters=4)
    rates = []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        warmup.step()
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2), T_max=15)
    for _ in range(15):
        rates.append(cosine.get_last_lr()[0])
        cosine.optimizer.step()
        cosine.step()
    return rates


def smoothed_loss_numbers():
    """The loss of hashed logits [6, 10] and targets 0 .. 5 with a label smoothing of 0.1, and the logits' gradient."""
    logits = nn.Parameter(uniform((6, 10), 7, 3.0))
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)(logits, torch.arange(6))
    loss.backward()
    return {"loss": loss.item(), "gradient": logits.grad.double().flatten().tolist()}


def weighted_loss_numbers():
    """The same with class weights of 0.1, 0.6, 1.1, ..., by label smoothing."""
    weights = 0.1 + 0.5 * torch.arange(10)
    numbers = {}
    for smoothing in (0.0, 0.1):
        logits = nn.Parameter(uniform((6, 10), 7, 3.0))
        loss = nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)(logits, torch.arange(6))
        loss.backward()
        numbers[str(smoothing)] = {"loss": loss.item(), "gradient": logits.grad.double().flatten().tolist()}
    return numbers


def clipped_numbers():
    """Hashed gradients of two parameters, clipped to a norm of 1 and of 100, which is more than theirs."""
    clipped = {}
    for largest in (1, 100):
        parameters = [nn.Parameter(torch.zeros(shape)) for shape in ((3, 4), (5,))]
        for salt, parameter in enumerate(parameters):
            parameter.grad = uniform(parameter.shape, 20 + salt, 2.0)
        nn.utils.clip_grad_norm_(parameters, largest)
        clipped[str(largest)] = [p.grad.double().flatten().tolist() for p in parameters]
    return clipped


def reference_numbers():
    torch.set_num_threads(1)
    sgd = torch.optim.SGD

    def photo_network(make, steps):
        # In float64, and few: these networks are deep and have many parameters.
        return network_numbers(make, lambda p: sgd(p, lr=0.001, momentum=0.9), photos().double(), steps, 6, True)

    return {
        "torch": torch.__version__.split("+")[0],
        "cnn": network_numbers(Cnn, lambda p: torch.optim.Adadelta(p, lr=1.0), digits()),
        "lenet": network_numbers(LeNet, lambda p: sgd(p, lr=0.01, momentum=0.5), digits()),
        "convnet": network_numbers(ConvNet, lambda p: torch.optim.Adam(p, lr=0.001), digits()),
        "resnet18": network_numbers(lambda: torchvision.models.resnet18(num_classes=10),
                                    lambda p: sgd(p, lr=0.001, momentum=0.9), photos()),
        "resnet34": photo_network(lambda: torchvision.models.resnet34(num_classes=10), 2),
        "resnet50": photo_network(lambda: torchvision.models.resnet50(num_classes=10), 2),
        "mobilenet_v3_small": photo_network(mobilenet, 10),
        "transforms": transform_numbers(),
        "one_cycle": one_cycle_numbers(),
        "cosine": cosine_numbers(),
        "smoothed_loss": smoothed_loss_numbers(),
        "weighted_loss": weighted_loss_numbers(),
        "clipped": clipped_numbers(),
        "optimizers": {
            "adadelta": optimizer_numbers(lambda p: torch.optim.Adadelta(p, lr=1.0)),
            "adadelta_weight_decay": optimizer_numbers(lambda p: torch.optim.Adadelta(p, lr=0.7, weight_decay=0.01)),
            "sgd": optimizer_numbers(lambda p: sgd(p, lr=0.01, momentum=0.5, weight_decay=0.001)),
            "adam": optimizer_numbers(lambda p: torch.optim.Adam(p, lr=0.001, weight_decay=0.001)),
            "adamw": optimizer_numbers(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)),
        },
    }


def transform_numbers():
    """torchvision's transforms of generated pictures, and the distribution of its random crops."""
    pictures = []
    for height, width in ((300, 400), (500, 333), (231, 1200), (256, 256), (90, 70)):
        # Waves and a little noise: smooth as photos are, with every scale of detail.
        y = torch.arange(height).view(-1, 1, 1)
        x = torch.arange(width).view(1, -1, 1)
        waves = (x * 7 + y * 3 + torch.arange(3) * 40) % 256 // 2 + (x * y // 64) % 100
        noise = torch.from_numpy((hashed(height * width * 3, height) & 27).astype(numpy.int64)).view(height, width, 3)
        picture = PIL.Image.fromarray((waves + noise).to(torch.uint8).numpy())
        middle = v1.CenterCrop(224)(v1.Resize(256)(picture))
        box = (height // 5, width // 7, height // 2, width // 3)  # top, left, height, width
        crop = v1.functional.resized_crop(picture, *box, [224, 224])
        pictures.append({"height": height, "width": width, "middle": pixel_sample(middle), "crop": pixel_sample(crop)})
    torch.manual_seed(1)
    shares, ratios = [], []
    for _ in range(20000):
        _, _, h, w = v1.RandomResizedCrop.get_params(torch.empty(3, 375, 500), [0.08, 1.0], [3 / 4, 4 / 3])
        shares.append(h * w / (375 * 500))
        ratios.append(w / h)
    quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
    return {"pictures": pictures, "crops": {"quantiles": quantiles,
                                            "area": numpy.quantile(shares, quantiles).tolist(),
                                            "ratio": numpy.quantile(ratios, quantiles).tolist()}}


def pixel_sample(picture):
    """Every 1009th byte of [3, 224, 224]."""
    return torch.from_numpy(numpy.array(picture)).permute(2, 0, 1).flatten()[::1009].tolist()


def differences(a, b, where=""):
    if isinstance(a, dict):
        for key in a:
            yield from differences(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from differences(x, y, f"{where}/{i}")
    elif isinstance(a, float) and abs(a - b) > 1e-6 + 1e-5 * abs(a):
        yield f"{where}: {a} here, {b} in the fixture"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the fixture, write nothing")
    arguments = parser.parse_args()
    numbers = reference_numbers()
    if not arguments.check:
        FIXTURE.write_text(json.dumps(numbers, indent=1) + "\n")
        return 0
    found = list(differences(numbers, json.loads(FIXTURE.read_text())))
    print("\n".join(found) or f"torch {numbers['torch']} agrees with {FIXTURE.name}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
