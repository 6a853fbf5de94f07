"""Common parts of scripts/torture: a scratch folder with data, the program in it, and the table of results."""

import filecmp
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

from digits import write_digits

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SAME = ["metrics.jsonl", "metrics.csv", "last.pt", "best.pt"]  # of two runs that are the same
ROWS = []


def note(what, count, wrong, detail=""):
    ROWS.append((what, count, wrong, detail))
    print(f"{what}: {count}, wrong {wrong}{'; ' + detail if detail else ''}", flush=True)


class Bench:
    """A scratch folder with data, and the program in it."""

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mnist-torture-"))
        write_digits(self.folder / "data", 2000, 200)
        self.dice = random.Random(options.seed)
        self.processes = []

    def command(self, run, arguments):
        return [str(self.options.mnist), "train", "--device", "cpu", "--data-dir", "data", *map(str, arguments),
                "--run-dir", run, "--output", f"{run}.pt", "--resume", "auto"]

    def start(self, command, **more):
        environment = os.environ | {"OMP_WAIT_POLICY": "passive"} | more.pop("env", {})
        self.processes = [process for process in self.processes if process.poll() is None]
        self.processes.append(subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.PIPE, text=True, **more))
        return self.processes[-1]

    def run(self, command, **more):
        """Exit code and what stderr had."""
        process = self.start(command, **more)
        _, said = process.communicate()
        return process.returncode, said

    def end(self):
        """Nothing of it stays, whatever ended this script."""
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cut(self, whole, checkpoint, run):
        """Makes of a finished run one that was stopped at that checkpoint."""
        shutil.rmtree(self.folder / run, ignore_errors=True)
        shutil.copytree(self.folder / whole, self.folder / run,
                        ignore=lambda _, names: [name for name in names if name.startswith("step-") and name > checkpoint])
        for lost in [self.folder / f"{run}.pt", *(self.folder / run).glob("*.p*"),
                     *(self.folder / run).glob("timing.jsonl")]:
            lost.unlink(missing_ok=True)
        for rows in (self.folder / run).glob("metrics.*"):
            rows.write_bytes(rows.read_bytes() + b"written after the checkpoint\n" * 99)
        manifest = self.folder / run / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"finished"', '"interrupted"'))

    def checkpoints(self, run):
        return sorted((self.folder / run / "checkpoints").glob("step-*.pt"))

    def differences(self, one, other):
        names = [(self.folder / one / name, self.folder / other / name) for name in SAME]
        names.append((self.folder / f"{one}.pt", self.folder / f"{other}.pt"))
        return [a.name for a, b in names if not (a.is_file() and b.is_file() and filecmp.cmp(a, b, shallow=False))]

    def stale(self, run):
        known = {".lock"}
        found = [path for path in [*(self.folder / run).rglob("*"), *self.folder.glob("*")] if path.is_file()]
        return [path.name for path in found
                if path.name not in known and (path.name.startswith(".") or path.suffix == ".tmp")]


def is_whole(checkpoint):
    """By its own SHA-256, as docs/formats.md has it."""
    content = checkpoint.read_bytes()
    return hashlib.sha256(content[:-64]).hexdigest().encode() == content[-64:]
