"""The transfer-learning program in Python for comparison with mnist: the tutorial's network, recipe and output.

    python scripts/python_transfer.py --data-dir DIR --weights FILE [--scenario finetuning|fixedfeature] [--epochs N]
                                      [--seed N] [--output FILE] [--best] [--precision fp32|bf16] [--device cpu|cuda]

ResNet-18 from FILE, SGD (0.001, momentum 0.9), StepLR (7 epochs, 0.1), batches of 4, ImageFolder through DataLoader
with 4 workers, the best epoch's weights saved: the program that mnist replaces, not tuned. --best is an optimized
version with the same recipe: photos decoded once and kept, persistent workers (one per thread), channels last, autocast
for bf16; in fixedfeature the frozen part runs as in mnist: without gradients, in evaluation mode, and only once for
validation.
Needs the packages of scripts/check_python.txt.
"""

import argparse
import copy
import os
import pathlib
import time

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's training photos


class Kept(datasets.ImageFolder):
    """Decodes every photo once, before the workers are started, which share it."""

    def __init__(self, folder, transform):
        super().__init__(folder, transform)
        self.photos = [self.loader(path) for path, _ in self.samples]

    def __getitem__(self, index):
        return self.transform(self.photos[index]), self.samples[index][1]


class FrozenFeatures:
    """Batches of what a network without its last layer makes of a loader's photos; once if these do not change."""

    def __init__(self, body, loader, constant, precision):
        self.body, self.loader, self.dataset, self.precision = body, loader, loader.dataset, precision
        self.kept = list(self.compute()) if constant else None

    def __iter__(self):
        return iter(self.kept) if self.kept else self.compute()

    def compute(self):
        device = next(self.body.parameters()).device
        for images, labels in self.loader:
            with torch.no_grad(), self.precision():
                features = self.body(images.to(device)).flatten(1).float()
            yield features, labels


def loaders(folder, best, threads):
    to_input = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    transform = {
        "train": transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), *to_input]),
        "val": transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), *to_input]),
    }
    sets = {split: (Kept if best else datasets.ImageFolder)(folder / split, transform[split]) for split in transform}
    workers = {"num_workers": threads, "persistent_workers": True} if best else {"num_workers": 4}
    return {split: DataLoader(sets[split], batch_size=4, shuffle=True, **workers) for split in sets}


def build(weights, classes, frozen):
    model = models.resnet18()
    model.load_state_dict(torch.load(weights, weights_only=True))
    for parameter in model.parameters():
        parameter.requires_grad = not frozen
    model.fc = nn.Linear(model.fc.in_features, classes)
    return model


def run_phase(phase, model, loader, optimizer, precision):
    """Mean loss and accuracy of one pass; in the training phase with updates."""
    model.train(phase == "train")
    device = next(model.parameters()).device
    loss_sum, correct = 0.0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        with torch.set_grad_enabled(phase == "train"):
            with precision():
                output = model(images)
                loss = nn.functional.cross_entropy(output, labels)
            if phase == "train":
                loss.backward()
                optimizer.step()
        loss_sum += loss.item() * len(images)
        correct += (output.argmax(dim=1) == labels).sum().item()
    total = len(loader.dataset)
    print(f"{phase} Loss: {loss_sum / total:.4f} Acc: {correct / total:.4f}", flush=True)
    return correct / total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True, type=pathlib.Path)
    parser.add_argument("--weights", required=True, type=pathlib.Path)
    parser.add_argument("--scenario", choices=["finetuning", "fixedfeature"], default="finetuning")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="hymenoptera.pt")
    parser.add_argument("--threads", type=int, default=0, help="0: as PyTorch chooses")
    parser.add_argument("--best", action="store_true")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()

    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    data = loaders(options.data_dir, options.best, options.threads or len(os.sched_getaffinity(0)))
    class_names = data["train"].dataset.classes
    frozen = options.scenario == "fixedfeature"
    model = build(options.weights, len(class_names), frozen)
    model.to(options.device)
    if options.best:
        model.to(memory_format=torch.channels_last)

    def precision():
        return torch.autocast(options.device, dtype=torch.bfloat16, enabled=options.precision == "bf16")

    network, head = model, model.fc
    if options.best and frozen:
        body = nn.Sequential(*list(model.children())[:-1]).eval()
        data = {phase: FrozenFeatures(body, loader, phase == "val", precision) for phase, loader in data.items()}
        network = head
    optimizer = torch.optim.SGD(head.parameters() if frozen else model.parameters(), lr=0.001, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=7, gamma=0.1)
    start, best, best_state = time.monotonic(), 0.0, None
    for epoch in range(options.epochs):
        print(f"Epoch {epoch}/{options.epochs - 1}\n----------")
        run_phase("train", network, data["train"], optimizer, precision)
        scheduler.step()
        accuracy = run_phase("val", network, data["val"], optimizer, precision)
        if accuracy > best:
            best, best_state = accuracy, copy.deepcopy(model.state_dict())
        print()
    seconds = int(time.monotonic() - start)
    print(f"Training complete in {seconds // 60}m {seconds % 60}s\nBest val Acc: {best:.6f}")
    torch.save({"state_dict": best_state, "class_names": class_names}, options.output)


if __name__ == "__main__":
    main()
