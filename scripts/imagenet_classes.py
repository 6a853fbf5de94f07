#!/usr/bin/env python3
"""Writes src/model/imagenet_classes.cpp: the names of ImageNet's 1,000 classes in the order of torchvision's outputs.

usage: scripts/imagenet_classes.py [FILE]

FILE: default src/model/imagenet_classes.cpp. Needs torchvision (tried: 0.27.1), from whose `models._meta` the names are
taken (BSD-3-Clause); its weights carry the same list as `meta["categories"]`. No network is used.

Exit codes: 0 done, 1 torchvision is missing or has another number of names.
"""
import sys
from pathlib import Path

HEAD = """\
// Made by scripts/imagenet_classes.py from torchvision {version}, `torchvision.models._meta` (BSD-3-Clause): edit that.
#include "mnist/model/imagenet_classes.hpp"

#include <array>

namespace mnist {{
namespace {{

// clang-format off
constexpr std::array<std::string_view, 1000> kNames = {{
"""
TAIL = """\
};
// clang-format on

}  // namespace

std::span<const std::string_view> imagenet_class_names() {
  return kNames;
}

}  // namespace mnist
"""
COLUMNS = 120


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '",'


def rows(names):
    row = "   "
    for name in names:
        word = " " + quoted(name)
        if len(row) + len(word) > COLUMNS:
            yield row
            row = "   "
        row += word
    yield row


def main():
    if len(sys.argv) > 2 or (len(sys.argv) == 2 and sys.argv[1].startswith("-")):
        print(__doc__)
        return 0
    try:
        import torchvision
        from torchvision.models._meta import _IMAGENET_CATEGORIES as names
    except ImportError as error:
        print(f"error: {error}\nhint: pip install torchvision", file=sys.stderr)
        return 1
    if len(names) != 1000 or not all(name.isascii() for name in names):
        print(f"error: torchvision has {len(names)} names, not 1,000 in ASCII", file=sys.stderr)
        return 1
    default = Path(__file__).resolve().parent.parent / "src" / "model" / "imagenet_classes.cpp"
    file = Path(sys.argv[1]) if len(sys.argv) == 2 else default
    head = HEAD.format(version=torchvision.__version__.split("+")[0])
    file.write_text(head + "\n".join(rows(names)) + "\n" + TAIL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
