#!/usr/bin/env python3
"""Generates data in MNIST's format for tests: a bright square whose position is the class.

    scripts/digits.py DIR [TRAIN [TEST]]

    DIR     receives MNIST/raw/ with the four files, unpacked
    TRAIN   training images (default 2000)
    TEST    test images (default 200)

The same numbers give the same bytes.
"""

import pathlib
import random
import struct
import sys


def write_digits(folder, train, test):
    """MNIST's files in folder/MNIST/raw."""
    raw = pathlib.Path(folder) / "MNIST" / "raw"
    raw.mkdir(parents=True)
    dice = random.Random(7)
    for name, count in [("train", train), ("t10k", test)]:
        images, labels = bytearray(), bytearray()
        for _ in range(count):
            label = dice.randrange(10)
            image = bytearray(dice.randbytes(784)).translate(bytes(i % 60 for i in range(256)))
            for row in range(8):
                start = (2 + 12 * (label // 5) + row) * 28 + 2 + 5 * (label % 5)
                image[start:start + 4] = b"\xdc" * 4
            images += image
            labels.append(label)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + images)
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + labels)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4) or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    write_digits(sys.argv[1], int((sys.argv[2:] or [2000])[0]), int((sys.argv[3:] or [200])[0]))
