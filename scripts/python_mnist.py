"""The MNIST training program in Python that mnist is compared with: the tutorials' network, recipe, data path and output.

    python scripts/python_mnist.py --data-dir DIR [--epochs N] [--seed N] [--output FILE]

Adadelta (1.0), StepLR (1 epoch, 0.7), batches of 64, test batches of 1000, torchvision's MNIST through DataLoader in the
main process, shuffled. It is not tuned: this is what mnist replaces. Needs the packages of scripts/check_python.txt.
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
        features = functional.relu(self.conv2(functional.relu(self.conv1(images))))
        features = self.dropout1(functional.max_pool2d(features, 2)).flatten(1)
        hidden = self.dropout2(functional.relu(self.fc1(features)))
        return functional.log_softmax(self.fc2(hidden), dim=1)


def train_epoch(model, loader, optimizer, epoch):
    model.train()
    for step, (images, labels) in enumerate(loader):
        optimizer.zero_grad()
        loss = functional.nll_loss(model(images), labels)
        loss.backward()
        optimizer.step()
        if step % LOG_INTERVAL == 0:
            print(f"Train Epoch: {epoch} [{step * len(images)}/{len(loader.dataset)} "
                  f"({100 * step / len(loader):.0f}%)]\tLoss: {loss.item():.6f}")


def evaluate(model, loader):
    """Prints mean loss and accuracy over the loader's pictures."""
    model.eval()
    loss, correct = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
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
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    train_loader = DataLoader(datasets.MNIST(options.data_dir, train=True, transform=transform), batch_size=64,
                              shuffle=True)
    test_loader = DataLoader(datasets.MNIST(options.data_dir, train=False, transform=transform), batch_size=1000)
    model = Net()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(1, options.epochs + 1):
        train_epoch(model, train_loader, optimizer, epoch)
        evaluate(model, test_loader)
        scheduler.step()
    torch.save(model.state_dict(), options.output)


if __name__ == "__main__":
    main()
