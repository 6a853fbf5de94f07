"""The real `mnist serve` on loopback, models and pictures for it, and what `mnist infer` answers for them.

For scripts/check_serve, torture_serve, mutate_http and bench_serve. Needs nothing but Python.
"""

import gzip
import hashlib
import json
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import time
import zlib

from digits import write_digits

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = REPOSITORY / "build" / "release" / "bin" / "mnist"
SIDE = 28
PATIENCE = 60  # seconds for the server to start or to end; a sanitized one on a busy machine is slow


def fail(message, hint, code=2):
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(code)


def find_program(path):
    """The program's absolute path, or the end of this script."""
    path = pathlib.Path(path).resolve()
    if not path.is_file():
        fail(f"there is no program {path}", "scripts/run build, or name it with --mnist")
    return path


class Server:
    """A running `mnist serve`. `models` are values of --model. A context manager: it leaves no process behind."""

    def __init__(self, mnist, folder, models, *options):
        self.log = pathlib.Path(folder) / f"serve-{time.monotonic_ns()}.log"
        command = [mnist, "serve", "--port", "0", "--device", "cpu", *options]
        for model in models:
            command += ["--model", model]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=log, cwd=folder)
        try:
            self.first = self.line()
            found = re.fullmatch(r"Serving on (http://127\.0\.0\.1:(\d+))\n", self.first)
            if not found:
                raise RuntimeError(f"the server said '{self.first}' instead of its address:\n{self.said()}")
        except BaseException:
            self.kill()
            raise
        self.url, self.host, self.port = found[1], "127.0.0.1", int(found[2])
        self.pid = self.process.pid

    def line(self):
        end, text = time.monotonic() + PATIENCE, b""
        while not text.endswith(b"\n") and time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.5)[0]:
                part = os.read(self.process.stdout.fileno(), 4096)
                if not part:
                    break
                text += part
        return text.decode(errors="replace")

    def said(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def resident(self):
        """MiB."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, patience=PATIENCE):
        """Its exit code, and what else it printed to stdout."""
        try:
            rest, _ = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return "none: it did not end", ""
        return self.process.returncode, rest.decode(errors="replace")

    def stop(self, number=signal.SIGTERM):
        self.send_signal(number)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if not self.process.stdout.closed:
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def run(command, folder, **more):
    """What it printed to stdout; a failure ends the script with what it said."""
    done = subprocess.run(list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=os.environ | {"OMP_WAIT_POLICY": "passive"}, **more)
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}: {' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def data_folder(named, folder):
    """The named folder with MNIST, or a new one with generated data."""
    if named:
        named = pathlib.Path(named).resolve()
        if not (named / "MNIST" / "raw").is_dir():
            fail(f"there is no MNIST/raw in {named}", "scripts/fetch_data mnist, or leave out --data-dir")
        return named
    write_digits(folder / "data", 2000, 1000)
    return folder / "data"


def train(mnist, folder, data, name, arch="cnn", seed=1, batches=30):
    """A model that knows little, but not the same as one with another seed. Returns its file."""
    output = folder / f"{name}.pt"
    run([mnist, "train", "--arch", arch, "--dataset", "mnist", "--data-dir", data, "--epochs", 1, "--limit-batches",
         batches, "--test-batch-size", 100, "--seed", seed, "--device", "cpu", "--quiet", "--run-dir",
         folder / f"run-{name}", "--output", output], folder)
    return output


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def test_images(data, count):
    """The first images of the test set, each as 784 bytes."""
    raw = data / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    content = raw.read_bytes() if raw.is_file() else gzip.decompress(raw.with_suffix(".gz").read_bytes())
    size = SIDE * SIDE
    return [content[start:start + size] for start in range(16, min(len(content), 16 + count * size), size)]


# ---- pictures

def png(pixels, width=SIDE):
    """A grey PNG of these bytes."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height = len(pixels) // width
    rows = b"".join(b"\0" + pixels[start:start + width] for start in range(0, len(pixels), width))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


STROKES = {
    "0": [(.5, .1), (.25, .25), (.2, .5), (.25, .75), (.5, .9), (.75, .75), (.8, .5), (.75, .25), (.5, .1)],
    "1": [(.35, .25), (.55, .1), (.55, .9)],
    "2": [(.2, .25), (.4, .1), (.65, .1), (.8, .25), (.75, .45), (.2, .9), (.8, .9)],
    "4": [(.7, .9), (.7, .1), (.2, .6), (.85, .6)],
    "7": [(.2, .1), (.8, .1), (.4, .9)],
}


def distance(x, y, start, end):
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = max(0.0, min(1.0, ((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy)))
    return ((x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2) ** 0.5


def drawn(text, side=64):
    """Pixels and width of a white page with these digits beside each other, drawn with a black pen."""
    width, height = side * len(text) + 32, side + 32
    pixels = bytearray(b"\xff" * (width * height))
    for place, digit in enumerate(text):
        strokes = STROKES[digit]
        for row in range(side):
            for column in range(side):
                x, y = column / side, row / side
                near = min(distance(x, y, start, end) for start, end in zip(strokes, strokes[1:]))
                shade = max(0.0, min(1.0, (near - 0.045) * side))
                pixels[(row + 16) * width + 16 + place * side + column] = round(255 * shade)
    return bytes(pixels), width


def empty_page(side=96):
    return b"\xff" * (side * side), side


# ---- what mnist infer says

def infer(mnist, folder, model, paths, *options):
    """An object for each picture. Paths that start with a dash are no problem: they are absolute."""
    said = run([mnist, "infer", "--model", model, "--device", "cpu", "--format", "json", *options, "--image", *paths],
               folder)
    return [json.loads(line) for line in said.splitlines()]


def infer_images(mnist, folder, model, images):
    """The probabilities of each image of 784 bytes, by class."""
    place = pathlib.Path(folder) / "images"
    place.mkdir(exist_ok=True)
    for number, image in enumerate(images):
        (place / f"{number:05}.png").write_bytes(png(image))
    names = pathlib.Path(folder) / "images.txt"
    names.write_text("".join(f"{place}/{number:05}.png\n" for number in range(len(images))))
    said = run([mnist, "infer", "--model", model, "--device", "cpu", "--format", "json", "--invert", "never", "--top-k",
                1000, "--files-from", names], folder)
    return [by_class(json.loads(line)["top_k"]) for line in said.splitlines()]


def by_class(top_k):
    """The probabilities of a list `top_k` with all classes, by class."""
    return [entry["probability"] for entry in sorted(top_k, key=lambda entry: entry["class_index"])]


def apart(some, others):
    """The largest difference of two lists; infinite if they are not alike."""
    if len(some) != len(others):
        return float("inf")
    return max((abs(one - other) for one, other in zip(some, others)), default=0.0)
