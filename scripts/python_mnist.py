"""The MNIST training program in Python for comparison with mnist: the tutorial's network, recipe, data path, output.

    python scripts/python_mnist.py --data-dir DIR [--epochs N] [--seed N] [--output FILE] [--best]
                                   [--precision fp32|bf16] [--device cpu|cuda]

Adadelta (1.0), StepLR (1 epoch, 0.7), batches of 64, test batches of 1000, torchvision's MNIST through DataLoader in
the main process, shuffled: the program that mnist replaces, not tuned. --best is an optimized version with the same
recipe: tensors in memory instead of DataLoader, channels last, autocast for bf16. Needs the packages of
scripts/check_python.txt.
"""

import argparse

import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

MEAN, STD = 0.1307, 0.3081  # of the training pictures, as the tutorials use them
LOG_INTERVAL = 10


class Net(nn.Module):
    """1,199,882 parameters; its state dict has the names that mnist writes."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.fc1 = nn.Linear(64 * 12 * 12, 128)
        self.fc2 = nn.Linear(128, 10)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)

    def forward(self, images):
        # A tensor of one channel is in both layouts at once: PyTorch goes on with the plain one unless told otherwise.
        maps = functional.relu(self.conv1(images))
        if self.conv2.weight.is_contiguous(memory_format=torch.channels_last):
            maps = maps.contiguous(memory_format=torch.channels_last)
        features = functional.relu(self.conv2(maps))
        features = self.dropout1(functional.max_pool2d(features, 2)).flatten(1)
        hidden = self.dropout2(functional.relu(self.fc1(features)))
        return functional.log_softmax(self.fc2(hidden), dim=1)


class ResidentBatches:
    """Like a DataLoader, from tensors in memory."""

    def __init__(self, dataset, batch_size, shuffle):
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.images = ((dataset.data.float() / 255 - MEAN) / STD).unsqueeze(1)

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __iter__(self):
        order = torch.randperm(len(self.images)) if self.shuffle else torch.arange(len(self.images))
        for items in order.split(self.batch_size):
            yield self.images[items], self.dataset.targets[items]


def train_epoch(model, loader, optimizer, epoch, precision):
    model.train()
    device = next(model.parameters()).device
    for step, (images, labels) in enumerate(loader):
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        with precision():
            loss = functional.nll_loss(model(images), labels)
        loss.backward()
        optimizer.step()
        if step % LOG_INTERVAL == 0:
            print(f"Train Epoch: {epoch} [{step * len(images)}/{len(loader.dataset)} "
                  f"({100 * step / len(loader):.0f}%)]\tLoss: {loss.item():.6f}", flush=True)


def evaluate(model, loader, precision):
    """Prints mean loss and accuracy over the loader's pictures."""
    model.eval()
    device = next(model.parameters()).device
    loss, correct = 0.0, 0
    with torch.no_grad(), precision():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            output = model(images)
            loss += functional.nll_loss(output, labels, reduction="sum").item()
            correct += (output.argmax(dim=1) == labels).sum().item()
    total = len(loader.dataset)
    print(f"\nTest set: Average loss: {loss / total:.4f}, Accuracy: {correct}/{total} ({100 * correct / total:.0f}%)\n",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True, help="torchvision's root: DIR/MNIST/raw holds the files")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="mnist_cnn.pt")
    parser.add_argument("--threads", type=int, default=0, help="0: as PyTorch chooses")
    parser.add_argument("--best", action="store_true")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()

    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    make_loader = ResidentBatches if options.best else DataLoader
    # On a GPU the tutorial has a worker and pinned memory.
    workers = {"num_workers": 1, "pin_memory": True} if options.device == "cuda" and not options.best else {}
    train_loader = make_loader(datasets.MNIST(options.data_dir, train=True, transform=transform), batch_size=64,
                               shuffle=True, **workers)
    test_loader = make_loader(datasets.MNIST(options.data_dir, train=False, transform=transform), batch_size=1000,
                              shuffle=False, **workers)
    model = Net().to(options.device)
    if options.best:
        model.to(memory_format=torch.channels_last)

    def precision():
        return torch.autocast(options.device, dtype=torch.bfloat16, enabled=options.precision == "bf16")

    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(1, options.epochs + 1):
        train_epoch(model, train_loader, optimizer, epoch, precision)
        evaluate(model, test_loader, precision)
        scheduler.step()
    torch.save(model.state_dict(), options.output)


if __name__ == "__main__":
    main()
