#!/usr/bin/env python3
"""Writes tests/fixtures/models/: the model files for the tests of `format`, one for each format and content.

Needs torch (2.x), safetensors and numpy. The files are small, generated from a seed, and committed. Run this only to
add a file: serialised bytes differ between versions of PyTorch, and the existing files come from old versions.

expected.txt gives the expected contents, one tensor per line: file, name, type, shape ("3x4", "-" for none), values.
"""

import argparse
import collections
import datetime
import enum
import pathlib
import types
import warnings
import zipfile

import numpy
import torch
from safetensors.torch import save_file
from torch import nn

warnings.filterwarnings("ignore", category=DeprecationWarning)


class TinyNet(nn.Module):
    """A convolution, a BatchNorm and a linear layer below a block: each kind of tensor that our networks have."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.block = nn.Sequential(nn.Linear(2, 3))

    def forward(self, x):
        return self.block(self.bn(self.conv(x)).mean((2, 3)))


class Mode(enum.Enum):
    MAX = "max"


class Registry(collections.OrderedDict):
    """A dict of a class of its own, with an attribute."""

    def __init__(self, *items):
        super().__init__(*items)
        self.frozen = True


def tiny_net():
    torch.manual_seed(1)
    net = TinyNet()
    net(torch.rand(4, 1, 5, 5))  # so that the statistics of the BatchNorm are not those of a new one
    return net.eval()


def described(file, state):
    for name, tensor in state.items():
        shape = "x".join(map(str, tensor.shape)) or "-"
        values = tensor.detach().double().flatten().tolist()
        yield " ".join([file, name, str(tensor.dtype).removeprefix("torch."), shape, *map(repr, values)])


def things_beside():
    """What training scripts put beside the weights; none of it is a tensor, all of it is code for a pickle."""
    return {
        "args": argparse.Namespace(arch="tiny", lr=0.1, data=pathlib.PurePosixPath("/data"),
                                   device=torch.device("cpu")),
        "registry": Registry([("optimizer", "sgd"), ("steps", [1, 2, 3])]),
        "config": types.SimpleNamespace(mode=Mode.MAX, dtype=torch.float32, size=torch.Size([2, 3])),
        "when": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "took": datetime.timedelta(seconds=90),
        "best_acc1": numpy.float64(0.5),
        "dtype": numpy.dtype("float32"),
        "confusion": numpy.arange(4).reshape(2, 2),
        "seen": {1, 2, 3},
        "counts": collections.Counter("abca"),
        "raw": b"\x00\xff",
        "complex": torch.tensor([1j, 2]),
        "loss": nn.CrossEntropyLoss(),
    }


def prefixed(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def save_wrapped(save, output, expected, state):
    """Weights as the wrappers of a network and the programs round it leave them."""
    averaged = {name: tensor + 1 for name, tensor in state.items()}
    save("compiled.pt", prefixed("_orig_mod.", state), state)
    save("stacked.pt", prefixed("module._orig_mod.", state), state)
    for name, prefix in {"net.safetensors": "net.", "stacked.safetensors": "model._orig_mod.module."}.items():
        save_file(prefixed(prefix, state), output / name, metadata={"format": "pt"})
        (output / name).chmod(0o644)
        expected.extend(described(name, dict(sorted(state.items()))))
    lightning = {
        "epoch": 1,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": collections.OrderedDict(prefixed("model.", state)),
        "callbacks": {"ModelCheckpoint": {"best_model_path": "", "best_model_score": torch.tensor(0.5)}},
        "hyper_parameters": things_beside(),
    }
    save("lightning.ckpt", lightning, state)
    save("lightning_legacy.ckpt", {**lightning, "hyper_parameters": {"args": argparse.Namespace(lr=0.1)}}, state,
         _use_new_zipfile_serialization=False)
    save("timm.pth", {"epoch": 3, "arch": "tiny", "state_dict": state, "args": argparse.Namespace(lr=0.1), "version": 2,
                      "state_dict_ema": averaged, "metric": numpy.float64(0.5)}, averaged)
    save("torchvision.pth", {"model": state, "optimizer": {}, "epoch": 3, "args": argparse.Namespace(lr=0.1),
                             "model_ema": {"n_averaged": torch.tensor(7), **prefixed("module.", averaged)}}, averaged)
    save("cifar.pth", {"net": prefixed("module.", state), "acc": 91.2, "epoch": 3, "model_ema": None}, state)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "models"
    parser.add_argument("--output", type=pathlib.Path, default=default, help="folder (default: %(default)s)")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    expected = []

    def save(name, content, state, **options):
        torch.save(content, output / name, **options)
        expected.extend(described(name, state))

    net = tiny_net()
    state = net.state_dict()
    save("state.pt", state, state)
    save("archive.pt", state, state)  # the file's name is that of the root folder
    save("legacy.pt", state, state, _use_new_zipfile_serialization=False)
    save("parameters.pt", dict(net.named_parameters()), dict(net.named_parameters()))
    save("data_parallel.pt", {"module." + name: tensor for name, tensor in state.items()}, state)

    save("class_names.pt", {"state_dict": state, "class_names": ["ant", "bee", "cicada"]}, state)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.rand(2, 1, 5, 5)).sum().backward()
    optimizer.step()
    state = net.state_dict()
    checkpoint = {
        "epoch": 3,
        "best": 0.5,
        "seed": 2**70,
        "note": None,
        "model_state_dict": state,
        "optimizer_state_dict": optimizer.state_dict(),
    }
    save("checkpoint.pt", checkpoint, state)

    base = torch.arange(12, dtype=torch.float32)
    views = {
        "matrix": base.reshape(3, 4),
        "transposed": base.reshape(3, 4).t(),
        "middle": base[4:8],
        "steps": base[1::3],
        "repeated": base[2:4].unsqueeze(1).expand(2, 3),
        "scalar": base[5],
        "empty": base[:0].reshape(0, 3),
    }
    save("views.pt", views, views)
    save("views_legacy.pt", views, views, _use_new_zipfile_serialization=False)

    # What the corrupted-MNIST exercise has: images of values k / 255, and their labels.
    pixels = torch.arange(3 * 28 * 28).reshape(3, 28, 28) % 256
    torch.save(pixels.float() / 255, output / "tensor_images.pt")
    torch.save(torch.tensor([7, 0, 9]), output / "tensor_target.pt")

    types = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
             torch.uint8]
    typed = {str(dtype).removeprefix("torch."): torch.tensor([0, 1.5, 100]).to(dtype) for dtype in types}
    typed["bool"] = torch.tensor([True, False, True])
    save("types.pt", typed, typed)
    save_file(typed, output / "types.safetensors", metadata={"format": "pt"})
    (output / "types.safetensors").chmod(0o644)
    expected.extend(described("types.safetensors", typed))

    save_wrapped(save, output, expected, tiny_net().state_dict())

    # A view of the imaginary part of a conjugate: the storage holds the values with the other sign.
    pairs = torch.tensor([1 + 2j, 3 - 4j, -5 + 0.5j])
    save("negative.pt", {"plain": base[:3], "negated": pairs.conj().imag}, {"plain": base[:3], "negated": -pairs.imag})

    torch.serialization.set_crc32_options(False)
    save("no_checksums.pt", state, state)
    torch.serialization.set_crc32_options(True)

    # The same entries packed again by Python's zipfile: other versions, times and attributes, no padding.
    with zipfile.ZipFile(output / "state.pt") as source, zipfile.ZipFile(output / "zipfile.pt", "w") as target:
        for entry in source.namelist():
            target.writestr(zipfile.ZipInfo(entry, (2020, 1, 2, 3, 4, 6)), source.read(entry))
    expected.extend(described("zipfile.pt", torch.load(output / "state.pt")))

    # Files that must be refused, each by its own name.
    torch.save(net, output / "whole_module.pt")
    torch.save(torch.zeros(3), output / "single_tensor.pt")
    torch.save({"epoch": 1, "weights": {"fc.bias": torch.zeros(1)}}, output / "other_keys.pt")
    torch.save({"fc.bias": torch.zeros(1), "epoch": 1}, output / "mixed.pt")
    torch.save({"a": torch.zeros(1)}, output / "protocol4.pt", pickle_protocol=4)
    torch.save({"a": pairs.conj()}, output / "conjugate.pt")
    torch.save({"model": net, "epoch": 3}, output / "module_in_dict.pt")
    torch.save({"state_dict": Registry([("a", torch.zeros(1))])}, output / "odd_dict.pt")
    torch.jit.script(nn.Linear(1, 1)).save(output / "torchscript.pt")
    with zipfile.ZipFile(output / "state.pt") as source, zipfile.ZipFile(output / "deflated.pt", "w") as target:
        for entry in source.namelist():
            target.writestr(zipfile.ZipInfo(entry), source.read(entry), zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(output / "state.pt") as source, zipfile.ZipFile(output / "big_endian.pt", "w") as target:
        for entry in source.namelist():
            content = b"big" if entry.endswith("/byteorder") else source.read(entry)
            target.writestr(zipfile.ZipInfo(entry), content)

    (output / "expected.txt").write_text("\n".join(expected) + "\n")


if __name__ == "__main__":
    main()
