"""Networks with random weights and their logits in PyTorch, for scripts/check_onnx.

    python scripts/onnx_networks.py ARCH IMAGES.npy MODEL.pt LOGITS.npz

Reads uint8 images [N, C, H, W], writes a state dict as torch.save does, and the logits [N, classes] of the normalised
images: `single` in float32, and `double` in float64, of photos of the first hundred only. BatchNorm has the statistics
of some of the images. Needs the packages of scripts/check_python.txt.
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
PHOTOS_IN_DOUBLE = 100


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


def logits_of(network, images, arch, dtype):
    network.to(dtype)
    return torch.cat([network(normalized(images[begin:begin + BATCH], arch).to(dtype))
                      for begin in range(0, len(images), BATCH)]).numpy()


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
        single = logits_of(network, images, arch, torch.float32)
        double = logits_of(network, images if arch in DIGITS else images[:PHOTOS_IN_DOUBLE], arch, torch.float64)
    numpy.savez(logits_file, single=single, double=double)


if __name__ == "__main__":
    main()
