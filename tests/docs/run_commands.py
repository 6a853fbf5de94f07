#!/usr/bin/env python3
"""Runs the commands of a page of the documentation on small generated data, so that none is wrong.

    tests/docs/run_commands.py MNIST PAGE

    MNIST   the program
    PAGE    a Markdown file

Runs the blocks marked `sh` and `console` in order, by bash, in a temporary folder with generated pictures under the
names that the pages use. Only the exit codes count. A program `mnist` in front of PATH adds options that make training
short (--epochs 1, --limit-batches 2, for photos --img-size 32), and nothing else.

A comment before a block says why it, or some of its lines, cannot run here. It is not shown to readers:

    <!-- not run: needs Slurm -->
    <!-- not run, lines with "--device cuda": needs a GPU -->

The comment <!-- given: mnist_cnn.pt --> names models that exist before the first block. Exit code 1 if a command fails.
"""

import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

from pages import GIVEN, REPOSITORY, blocks

sys.path.insert(0, str(REPOSITORY / "scripts"))
from digits import write_digits  # noqa: E402

WRAPPER = """#!/usr/bin/env bash
more=()
if [ "${1-}" = train ]; then
  words=" $* "
  more+=(--limit-batches 2)
  [[ "$words" = *" --epochs "* || "$words" = *" --resume "* ]] || more+=(--epochs 1)
  [[ "$words" = *" --arch "@(resnet*|mobilenet*)* ]] && more+=(--img-size 32)
fi
exec "$MNIST_PROGRAM" "$@" "${more[@]}"
"""
SEVEN = [(x, 60) for x in range(60, 141)] + [(140 - step // 2, 60 + step) for step in range(90)]
FOUR = [(70, y) for y in range(50, 111)] + [(x, 110) for x in range(70, 141)] + [(115, y) for y in range(60, 161)]


def write_png(path, width, height, channels, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.parent.mkdir(parents=True, exist_ok=True)
    row = width * channels
    rows = b"".join(b"\0" + pixels[at:at + row] for at in range(0, height * row, row))
    header = struct.pack(">2I5B", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) +
                     chunk(b"IEND", b""))


def write_digit_picture(path, strokes, shift=0):
    """Dark ink on light paper, 200 pixels high; each digit is a list of points."""
    width = 200 * len(strokes)
    pixels = bytearray(b"\xe8") * (width * 200)
    for place, points in enumerate(strokes):
        for x, y in points:
            for dy in range(-5, 6):
                start = (y + dy) * width + 200 * place + x - 5 + shift
                pixels[start:start + 11] = b"\x28" * 11
    write_png(path, width, 200, 1, bytes(pixels))


def write_photo(path, dice, shade):
    tones = bytes(min(255, shade + i % 90) for i in range(256))
    write_png(path, 48, 40, 3, dice.randbytes(48 * 40 * 3).translate(tones))


def write_pictures(folder):
    """What the pages give to the program, under their names."""
    write_digits(folder / "data", 400, 260)
    for name in ("my_digit.png", "test.png", "sign.png", "4.png", "scans/a.png", "more_digits/a.png"):
        write_digit_picture(folder / name, [FOUR])
    for name in ("scans/b.png", "more_digits/b.png"):
        write_digit_picture(folder / name, [SEVEN])
    for name in ("number.jpg", "sheet.png"):
        write_digit_picture(folder / name, [FOUR, SEVEN, FOUR])
    for place, (name, strokes) in enumerate([("left", FOUR), ("right", SEVEN)]):
        for number in range(6):
            write_digit_picture(folder / "signs" / name / f"{number}.png", [strokes], number)
            dice = random.Random(100 * place + number)
            part = "train" if number < 4 else "val"
            write_photo(folder / "photos" / part / name / f"{number}.jpg", dice, 30 + 120 * place)
            write_photo(folder / "pictures" / name / f"{number}.jpg", dice, 30 + 120 * place)
    write_photo(folder / "photo.jpg", random.Random(7), 30)
    write_photo(folder / "more_photos" / "a.jpg", random.Random(8), 150)


MODELS = {
    "mnist_cnn.pt": "mnist train --quiet",
    "signs.pt": "mnist train --quiet --dataset folder --data-dir signs --val-split 0.2 --output signs.pt",
    "resnet18-weights": "mnist train --quiet --arch resnet18 --weights none --data-dir photos --output w.pt && "
                        "mkdir -p data/weights && mv w.pt data/weights/resnet18-f37072fd.pth",
}


def main():
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    program, page = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    failures = 0
    with tempfile.TemporaryDirectory(prefix="mnist-docs-") as name:
        folder = pathlib.Path(name) / "work"
        tools = pathlib.Path(name) / "bin"
        tools.mkdir()
        (tools / "mnist").write_text(WRAPPER)
        (tools / "mnist").chmod(0o755)
        environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "MNIST_PROGRAM": str(program),
                                    "MNIST_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
        environment.pop("MNIST_DATA_DIR", None)

        def run(script):
            return subprocess.run(["bash", "-euo", "pipefail", "-xc", script], cwd=folder, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=100, check=False)

        commands = [block for block in blocks(page) if block.language in ("sh", "console")]
        if any(block.reason(line) is None for block in commands for line in block.commands()):
            write_pictures(folder)
            for model in " ".join(GIVEN.findall(page.read_text())).split():
                if (made := run(MODELS[model])).returncode:
                    sys.exit(f"cannot make {model}:\n{made.stdout}")
        ran = 0
        for block in commands:
            place = f"{page.relative_to(REPOSITORY)}:{block.line}"
            for line in block.commands():
                if (reason := block.reason(line)) is not None:
                    print(f"{place}: not run ({reason}): {line}")
            script = [line for line in block.commands() if block.reason(line) is None]
            ran += len(script)
            if not script:
                continue
            try:
                result = run("\n".join(script))
            except subprocess.TimeoutExpired as slow:
                sys.exit(f"{place}: it takes longer than {slow.timeout} s:\n{slow.stdout or ''}")
            if result.returncode:
                failures += 1
                print(f"{place}: exit code {result.returncode}:\n{result.stdout[-3000:]}")
        print(f"{ran} lines of commands run, {failures} blocks failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
