"""Networks with random weights and their logits in PyTorch, for scripts/check_onnx.

    python scripts/onnx_networks.py ARCH IMAGES.npy MODEL.pt LOGITS.npy

Reads uint8 images [N, C, H, W], writes a state dict as torch.save does, and the float32 logits [N, classes] of the
normalised images. BatchNorm has the statistics of some of the images. Needs the packages of scripts/check_python.txt.
"""

import sys

import numpy
import torch
from torch import nn
from torchvision import models

import python_mnist
import python_transfer
from reference_numbers import Cnn, ConvNet, LeNet

DIGITS = {"cnn": Cnn, "lenet": LeNet, "convnet": ConvNet}
SETTLING = 16  # images for the statistics of BatchNorm
BATCH = 50


def network_of(arch):
    torch.manual_seed(1)
    return DIGITS[arch]() if arch in DIGITS else models.get_model(arch)


def normalization(arch):
    """(mean, std) of the pixels 0..1, one per channel."""
    if arch == "convnet":
        return [0.0], [1.0]
    if arch in DIGITS:
        return [python_mnist.MEAN], [python_mnist.STD]
    return python_transfer.MEAN, python_transfer.STD


def normalized(images, arch):
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in normalization(arch))
    return (torch.from_numpy(numpy.array(images)).float() / 255 - mean) / std


def settle(network, inputs):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(inputs)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    arch, images_file, model_file, logits_file = sys.argv[1:]
    images = numpy.load(images_file, mmap_mode="r")
    network = network_of(arch)
    with torch.no_grad():
        settle(network, normalized(images[:SETTLING], arch))
        torch.save(network.state_dict(), model_file)
        network.eval()
        logits = [network(normalized(images[begin:begin + BATCH], arch)) for begin in range(0, len(images), BATCH)]
    numpy.save(logits_file, torch.cat(logits).numpy())


if __name__ == "__main__":
    main()
