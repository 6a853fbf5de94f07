"""Runs mnist and Python in turn and prints how they compare. Started by scripts/bench, which explains the options."""

import argparse
import csv
import dataclasses
import gzip
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib import metadata

from PIL import Image, ImageDraw

HERE = pathlib.Path(__file__).parent
OURS, PYTHON, BEST = "mnist", "Python", "Python at its best"
TASKS = ["gemm", "mnist", "bf16", "infer", "folder", "finetuning", "fixedfeature"]


# In a process of its own: one that holds PyTorch would share its pages with those whose memory is measured.
GEMM = """
import time, torch
for name, dtype in [("fp32", torch.float32), ("bf16", torch.bfloat16)]:
    size, repeats = 2048, 10
    a, b = torch.rand(size, size).to(dtype), torch.rand(size, size).to(dtype)
    for _ in range(3): a @ b
    start = time.monotonic()
    for _ in range(repeats): a @ b
    print(name, repeats * 2 * size**3 / (time.monotonic() - start) / 1e9)
"""


@dataclasses.dataclass
class Measurement:
    """One figure of one run: a row of the table is what all runs of a metric say."""

    metric: str
    program: str
    round: int
    value: float
    unit: str


class Memory(threading.Thread):
    """The largest sum of PSS over a process and its children, in MiB."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0.0, threading.Event()

    def run(self):
        # Not often: to look costs the process tree some milliseconds.
        while not self.over.wait(0.5):
            self.peak = max(self.peak, sum(map(self.share, [self.pid, *self.children()])))

    def children(self):
        found = []
        for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*/children"):
            try:
                found += task.read_text().split()
            except OSError:
                pass
        return found

    @staticmethod
    def share(pid):
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            return 0.0
        return int(re.search(r"Pss:\s+(\d+) kB", text)[1]) / 1024


@dataclasses.dataclass
class Run:
    seconds: float
    memory: float
    lines: list  # (seconds since the start, text)

    def times(self, pattern):
        return [at for at, text in self.lines if re.search(pattern, text)]


def run(command):
    start = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    memory = Memory(process.pid)
    memory.start()
    errors = []
    drain = threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)
    drain.start()
    lines = [(time.monotonic() - start, text) for text in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    memory.over.set()
    drain.join()
    if status != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}\n{''.join(errors[-20:])}")
    return Run(seconds, max(memory.peak, usage.ru_maxrss / 1024), lines)


class Bench:
    def __init__(self, options, folder, table):
        self.options, self.folder, self.table, self.measurements = options, folder, table, []
        self.threads = len(os.sched_getaffinity(0))

    def note(self, metric, program, number, value, unit="s"):
        """Keeps a figure, also on disk at once: an hour of them is not to be lost to a later failure."""
        measurement = Measurement(metric, program, number, value, unit)
        self.measurements.append(measurement)
        if self.table:
            with self.table.open("a", newline="") as file:
                csv.writer(file).writerow(dataclasses.astuple(measurement))

    @staticmethod
    def in_turn(number, commands):
        """The programs of a round, each round begun by another one."""
        programs = list(commands.items())
        first = (number - 1) % len(programs)
        return programs[first:] + programs[:first]

    # ---- commands

    def ours(self, *arguments):
        return [self.options.mnist, *arguments]

    @staticmethod
    def python(program, *arguments):
        return [sys.executable, "-u", HERE / program, *arguments]

    def ours_train(self, number, *arguments):
        return self.ours("train", "--device", "cpu", "--threads", self.threads, "--seed", number, "--run-dir",
                         tempfile.mkdtemp(dir=self.folder) + "/run", *arguments)

    # ---- tasks

    def training(self, metric, number, commands, marks):
        """Two epochs each. `marks`: what the last line of training (on MNIST: the last before it ends, 7 batches of
        938) and the one of testing begin with. An epoch is from test to test."""
        trained, tested = marks
        for program, command in self.in_turn(number, commands):
            result = run(command)
            ends = result.times(tested)
            self.note(f"{metric}: epoch with its test", program, number, ends[1] - ends[0])
            # fixedfeature is evaluated from memory: milliseconds, of which no ratio says much.
            if not metric.startswith("fixedfeature"):
                self.note(f"{metric}: test pass", program, number, ends[1] - result.times(trained)[-1])
            self.note(f"{metric}: whole process, 2 epochs", program, number, result.seconds)
            self.note(f"{metric}: peak memory", program, number, result.memory, "MiB")
            last = [text for _, text in result.lines if re.search(tested, text)][-1]
            counted = re.search(r"Accuracy: (\d+)/(\d+)", last)
            right = int(counted[1]) / int(counted[2]) if counted else float(last.split()[-1])
            self.note(f"{metric}: right after 2 epochs", program, number, 100 * right, "%")

    def mnist(self, number, precision="fp32"):
        output = ["--epochs", 2, "--output", self.folder / "model.pt"]
        reference = ["--data-dir", self.data, "--seed", number, "--threads", self.threads, *output]
        self.training(f"MNIST {self.precisions(precision)}", number, {
            OURS: self.ours_train(number, "--data-dir", self.data, "--precision", precision, *output),
            PYTHON: self.python("python_mnist.py", *reference),
            BEST: self.python("python_mnist.py", *reference, "--best", "--precision", precision),
        }, (r"^Train Epoch", r"^Test set"))

    @staticmethod
    def precisions(precision):
        """The program as it is has fp32 only."""
        return "fp32" if precision == "fp32" else "bf16 (Python: fp32)"

    def bf16(self, number):
        self.mnist(number, "bf16")

    def photos(self, scenario, number):
        for precision in ["fp32", "bf16"]:
            common = ["--data-dir", self.options.photos, "--weights", self.options.weights, "--scenario", scenario,
                      "--epochs", 2, "--output", self.folder / "photos.pt"]
            program = "python_transfer.py"
            python = ["--seed", number, "--threads", self.threads, *common]
            self.training(f"{scenario} {self.precisions(precision)}", number, {
                OURS: self.ours_train(number, "--arch", "resnet18", "--precision", precision, *common),
                PYTHON: self.python(program, *python),
                BEST: self.python(program, *python, "--best", "--precision", precision),
            }, (r"^train Loss", r"^val Loss"))

    def finetuning(self, number):
        self.photos("finetuning", number)

    def fixedfeature(self, number):
        self.photos("fixedfeature", number)

    def classify(self, metric, images, number):
        model = ["--model", self.model]
        commands = {
            OURS: self.ours("infer", "--device", "cpu", *model, "--image", images),
            PYTHON: self.python("python_infer.py", *model, "--images", images),
            BEST: self.python("python_infer.py", *model, "--images", images, "--best"),
        }
        for program, command in self.in_turn(number, commands):
            result = run(command)
            self.note(f"{metric}: whole process", program, number, result.seconds)
            self.note(f"{metric}: peak memory", program, number, result.memory, "MiB")

    def infer(self, number):
        self.classify("infer, one picture", self.pictures / "00000.png", number)

    def folder_of_pictures(self, number):
        self.classify("infer, 10,000 pictures", self.pictures, number)

    def gemm(self, number):
        """What PyTorch's matrix product reaches, thousand million operations a second."""
        for line in run([sys.executable, "-c", GEMM]).lines:
            precision, rate = line[1].split()
            self.note(f"matrix product 2048, {precision}", PYTHON, number, float(rate), "GFLOPS")

    # ---- what the tasks need

    def prepare(self, tasks):
        if set(tasks) & {"mnist", "bf16", "infer", "folder"}:
            self.data = self.folder / "data"
            raw = self.data / "MNIST" / "raw"
            raw.mkdir(parents=True)
            for source in [self.options.data_dir / "MNIST" / "raw", self.options.data_dir]:
                for path in source.glob("t*-ubyte*"):
                    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                    (raw / path.name.removesuffix(".gz")).write_bytes(content)
            if len(list(raw.iterdir())) != 4:
                sys.exit(f"error: no MNIST in {self.options.data_dir}\n"
                         "hint: scripts/fetch_data mnist, or --data-dir DIR")
        if set(tasks) & {"infer", "folder"}:
            self.model = self.folder / "trained.pt"
            run(self.ours_train(1, "--data-dir", self.data, "--epochs", 1, "--output", self.model))
            self.pictures = self.folder / "pictures"
            self.pictures.mkdir()
            pixels = (raw / "t10k-images-idx3-ubyte").read_bytes()[16:]
            for index in range(10_000):
                picture = Image.frombytes("L", (28, 28), pixels[784 * index:784 * (index + 1)])
                picture.save(self.pictures / f"{index:05}.png")

    def all(self, tasks):
        self.prepare(tasks)
        steps = {"gemm": self.gemm, "mnist": self.mnist, "bf16": self.bf16, "infer": self.infer,
                 "folder": self.folder_of_pictures, "finetuning": self.finetuning, "fixedfeature": self.fixedfeature}
        for number in range(1, self.options.rounds + 1):
            for task in tasks:
                print(f"round {number} of {self.options.rounds}: {task}", file=sys.stderr, flush=True)
                steps[task](number)


def metrics(measurements):
    return list(dict.fromkeys(m.metric for m in measurements))


def values(measurements, metric, program):
    return [m.value for m in measurements if m.metric == metric and m.program == program]


def spread(numbers, digits):
    if not numbers:
        return ""
    middle, low, high = statistics.median(numbers), min(numbers), max(numbers)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def table(measurements):
    """Rows of text: metric, each program's median and range, how many times mnist's both others are."""
    rows = [["", "unit", OURS, PYTHON, BEST, f"{PYTHON} / {OURS}", f"best / {OURS}"]]
    for metric in metrics(measurements):
        unit = next(m.unit for m in measurements if m.metric == metric)
        digits = 0 if unit in ("MiB", "GFLOPS") else 2
        ours, python, best = (values(measurements, metric, program) for program in (OURS, PYTHON, BEST))
        ratios = [] if unit in ("%", "GFLOPS") else [[other / own for own, other in zip(ours, others)]
                                                     for others in (python, best)]
        rows.append([metric, unit, *(spread(numbers, digits) for numbers in (ours, python, best)),
                     *(spread(numbers, 2) for numbers in ratios)])
    width = max(map(len, rows))
    return [row + [""] * (width - len(row)) for row in rows]


def draw(measurements, title, path):
    """A bar for each metric in seconds: how many times as long Python takes, and Python at its best."""
    bars = []
    for metric in metrics(measurements):
        ours = values(measurements, metric, OURS)
        if not ours or next(m.unit for m in measurements if m.metric == metric) != "s":
            continue
        for program in (PYTHON, BEST):
            ratio = statistics.median(o / m for m, o in zip(ours, values(measurements, metric, program)))
            bars.append((metric if program == PYTHON else "", program, ratio))
    height, left, width = 22, 330, 1000
    image = Image.new("RGB", (width, 70 + height * len(bars)), "white")
    pen = ImageDraw.Draw(image)
    pen.text((10, 10), f"Times as long as mnist: {title}", fill="black")
    colors = {PYTHON: "#3b6ea5", BEST: "#9bb8d3"}
    for place, (program, color) in enumerate(colors.items()):
        pen.rectangle((10 + 120 * place, 34, 22 + 120 * place, 46), fill=color)
        pen.text((28 + 120 * place, 34), program, fill="black")
    scale = (width - left - 60) / max([ratio for _, _, ratio in bars], default=1)
    for place, (label, program, ratio) in enumerate(bars):
        top = 60 + height * place
        pen.text((10, top + 4), label, fill="black")
        end = left + ratio * scale
        pen.rectangle((left, top + 3, end, top + height - 4), fill=colors[program])
        pen.text((end + 6, top + 4), f"{ratio:.2f}", fill="black")
    pen.line((left + scale, 56, left + scale, image.height - 10), fill="#c03030")  # as fast as mnist
    image.save(path)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=pathlib.Path, default=os.environ.get("MNIST_DATA_DIR", "data"))
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--mnist", required=True)
    options = parser.parse_args()
    tasks = options.tasks.split(",")
    for task in tasks:
        if task not in TASKS:
            sys.exit(f"error: there is no task '{task}'\nhint: the tasks are {', '.join(TASKS)}")
    if not (options.photos and options.weights):
        if options.tasks != ",".join(TASKS) and {"finetuning", "fixedfeature"} & set(tasks):
            sys.exit("error: the tasks finetuning and fixedfeature need --photos and --weights")
        tasks = [task for task in tasks if task not in ("finetuning", "fixedfeature")]

    version = subprocess.run([options.mnist, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    pytorch = metadata.version("torch")
    title = f"{processor()}, {len(os.sched_getaffinity(0))} cores; PyTorch {pytorch}; {version.strip()}"
    path = None
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        path = options.output / (re.sub(r"[^A-Za-z0-9.]+", "-", f"{processor()} {pytorch}").strip("-") + ".csv")
        path.write_text(f"# {title}\n" + ",".join(field.name for field in dataclasses.fields(Measurement)) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder), path)
        bench.all(tasks)
    rows = table(bench.measurements)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print(title)
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    if path:
        draw(bench.measurements, title, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
