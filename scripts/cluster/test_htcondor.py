#!/usr/bin/env python3
"""The tests of scripts/cluster/test_htcondor; see its --help. Needs the packages of test_htcondor.txt."""

import argparse
import filecmp
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import htcondor_standin as standin  # noqa: E402
from digits import write_digits  # noqa: E402

# Of a run that was stopped and one that was not, these are the same.
SAME = ["mnist_cnn.pt", "last.pt", "best.pt", "metrics.jsonl", "metrics.csv", "training_statistics.png"]
FILES = {"cpu.sub": 1, "gpu.sub": 1, "sweep.sub": len((HERE / "htcondor" / "sweep.txt").read_text().splitlines())}
ROWS = []


def note(what, count, wrong, detail=""):
    ROWS.append((what, count, wrong, detail))
    print(f"{what}: {count}, wrong {wrong}{'; ' + detail if detail else ''}", flush=True)


def problems_of(name, image, jobs):
    """What is wrong with the jobs of a submit description."""
    if len(jobs) != FILES[name]:
        yield f"{len(jobs)} jobs, not {FILES[name]}"
    files = [file for job in jobs for file in [job.arguments[0], *job.streams.values()]]
    if len(set(files)) != len(files):
        yield f"two jobs write the same file: {files}"
    for job in jobs:
        run = job.arguments[0]
        expected = ["MNIST_data.tar.gz"] + ([] if image else ["mnist.tar.gz"])
        if job.inputs != expected or job.universe != ("container" if image else "vanilla"):
            yield f"input {job.inputs} in universe {job.universe}"
        if not (HERE / "htcondor" / job.executable).is_file():
            yield f"no executable {job.executable}"
        if (job.outputs, job.checkpoint_files, job.checkpoint_code, job.transfer_at_eviction) != ([run], [run], 85, True):
            yield f"checkpoint {job.checkpoint_files} after {job.checkpoint_code}, output {job.outputs}"
        holds = {code: standin.evaluate(job.hold_if, ExitCode=code, ExitBySignal=False) for code in [0, 5, 1, 3, 143]}
        if holds != {0: False, 5: False, 1: True, 3: True, 143: True}:
            yield f"on hold after {holds}"
        if standin.evaluate(job.hold_if, ExitSignal=9, ExitBySignal=True) is not True:
            yield "not on hold after a signal"
        if "exit code 3" not in standin.evaluate(job.hold_reason, ExitCode=3):
            yield f"reason of the hold: {job.hold_reason}"
        if "\n" in " ".join(job.arguments) or "$(" in " ".join(job.arguments):
            yield f"arguments {job.arguments}"


def check_descriptions():
    wrong = []
    for name in FILES:
        for image in [None, "mnist.sif"]:
            jobs = standin.jobs_of(HERE / "htcondor" / name, macros={"image": image} if image else {})
            wrong += [f"{name}, image {image}: {problem}" for problem in problems_of(name, image, jobs)]
    for line, job in zip((HERE / "htcondor" / "sweep.txt").read_text().splitlines(),
                         standin.jobs_of(HERE / "htcondor" / "sweep.sub")):
        lr, gamma, seed = line.split(", ")
        if f"--lr {lr} --gamma {gamma} --seed {seed}" not in " ".join(job.arguments):
            wrong.append(f"line '{line}' of sweep.txt became {job.arguments}")
    for macros, driver, matches in [({}, 13.0, True), ({}, 12.8, False), ({"cuda": "12.0"}, 12.8, True)]:
        [job] = standin.jobs_of(HERE / "htcondor" / "gpu.sub", macros=macros)
        if standin.evaluate(job.requirements, GPUs_DriverVersion=driver) is not matches:
            wrong.append(f"{job.requirements} with driver {driver}")
        if (job.attributes.get("MY.WantGPULab"), job.attributes.get("MY.GPUJobLength")) != ("true", '"short"'):
            wrong.append(f"attributes {job.attributes}")
    note("submit descriptions read by HTCondor's parser, with and without an image", 2 * len(FILES), len(wrong),
         "; ".join(wrong))


class Bench:
    """A folder to submit from, and a pool."""

    def __init__(self, options, folder):
        self.options, self.folder = options, pathlib.Path(folder)
        self.submit = self.folder / "submit"
        shutil.copytree(HERE / "htcondor", self.submit)
        (self.folder / "pool").mkdir()
        program = options.build / "bin" / "mnist"
        data_dir = options.data_dir
        if data_dir is None:
            data_dir = self.folder / "digits"
            write_digits(data_dir, 2000, 200)
        self.pack("data", "--data-dir", data_dir, self.submit / "MNIST_data.tar.gz")
        if options.short:
            with tarfile.open(self.submit / "mnist.tar.gz", "w:gz", compresslevel=1) as archive:
                archive.add(program, "mnist/bin/mnist")
        else:
            self.pack("program", "--build", options.build, self.submit / "mnist.tar.gz")
        (self.folder / "image").mkdir()
        (self.folder / "image" / "mnist").symlink_to(program)
        self.pool = standin.Pool(self.folder / "pool")
        self.clusters = 0

    def pack(self, *arguments):
        subprocess.run([HERE / "pack", *arguments], check=True)

    def jobs(self, name, **macros):
        self.clusters += 1
        return standin.jobs_of(self.submit / name, self.clusters, macros)

    def differences(self, one, other):
        pairs = [(one.folder / one.arguments[0] / name, other.folder / other.arguments[0] / name) for name in SAME]
        return [a.name for a, b in pairs if not (a.is_file() and b.is_file() and filecmp.cmp(a, b, shallow=False))]

    def said(self, job):
        return (job.folder / job.streams["_condor_stderr"]).read_text()

    def evictions(self, job, whole, count, mean):
        """Evicts such a job, and others like it, so many times in all."""
        dice = random.Random(self.options.seed)
        jobs, done, warned, saved, checkpoints, continued, wrong = 0, 0, 0, 0, 0, 0, []
        while done < count and jobs < 2 + count and not wrong:
            jobs += 1
            [job] = self.jobs("cpu.sub", **self.length())
            endless = standin.random_evictions(dice, mean)
            outcome = self.pool.run(job, [next(endless) for _ in range(count - done)])
            done += outcome.warned + outcome.killed
            warned += outcome.warned
            checkpoints += outcome.checkpoints
            continued += self.said(job).count("continues ")
            wrong += self.differences(whole, job)
            # While it trains, a checkpoint is what it answers SIGTERM with; or it was ending anyway.
            answers = [code for code, said in outcome.ends if "training: " in said]
            saved += answers.count(143)
            if outcome.code != 0 or outcome.held or set(answers) - {143, 85, 0}:
                wrong.append(f"exit code {outcome.code}, held: {outcome.held}, after SIGTERM {answers}:\n{self.said(job)}")
        if done < count or continued == 0:
            wrong.append(f"{done} evictions, {continued} times continued")
        note("evictions of a job", done, len(wrong),
             f"{warned} by SIGTERM, to which training answered {saved} times with a checkpoint and exit code 143, "
             f"{done - warned} without warning; {jobs} jobs, {checkpoints} restarts after exit code 85, "
             f"{continued} times continued; different at the end: {wrong or 'nothing'}")

    def length(self):
        """Long enough to be evicted so often, and a checkpoint every few seconds. MNIST is thirty times the made-up digits."""
        if self.options.data_dir:
            return {"epochs": 1 if self.options.short else 5, "stop": "10s"}
        return {"epochs": 12 if self.options.short else 60, "stop": "3s"}

    def evicted(self):
        length = self.length() | {"stop": "50min"}
        [whole] = self.jobs("cpu.sub", **length)
        begin = time.monotonic()
        outcome = self.pool.run(whole)
        seconds = time.monotonic() - begin
        assert outcome.code == 0 and not outcome.held, self.said(whole)
        self.evictions(whole, whole, self.options.evictions, 1 + seconds / (1 + self.options.evictions))

    def failures(self):
        """Jobs that cannot run say why, and are put on hold with that."""
        cases = [("data", "MNIST_data.tar.gz", {}, 1, "the training data, MNIST_data.tar.gz, are missing"),
                 ("program", "mnist.tar.gz", {"image": "none.sif"}, 1, "there is no program mnist"),
                 ("option", None, {"options": "--epoch 3"}, 2, "--epoch")]
        wrong = []
        for what, lost, macros, code, words in cases:
            [job] = self.jobs("cpu.sub", **macros)
            job.inputs = [name for name in job.inputs if name != lost]
            outcome = self.pool.run(job)
            if outcome.code != code or f"exit code {code}," not in str(outcome.held) or words not in self.said(job):
                wrong.append(f"{what}: exit code {outcome.code}, held: {outcome.held}: {self.said(job)}")
        [job] = self.jobs("cpu.sub", epochs=1)
        job.outputs = ["mnist_cnn.pt"]  # not there before the job's end
        outcome = self.pool.run(job, [standin.Eviction(2, False)])
        if outcome.code is not None or "mnist_cnn.pt" not in str(outcome.held):
            wrong.append(f"missing output: exit code {outcome.code}, held: {outcome.held}")
        note("jobs that cannot run, put on hold with the reason", len(cases) + 1, len(wrong), "; ".join(wrong))

    def sweep(self):
        """With the program of an image: each job's own numbers, and its own model."""
        self.pool.path = self.folder / "image"
        jobs = self.jobs("sweep.sub", image="mnist.sif", epochs=2, options="--limit-batches 3")
        dice = random.Random(self.options.seed)
        models, wrong = set(), []
        for job in jobs:
            outcome = self.pool.run(job, [standin.Eviction(dice.uniform(0, 2), False)])
            model = job.folder / job.arguments[0] / "mnist_cnn.pt"
            if outcome.code != 0 or outcome.held or not model.is_file():
                wrong.append(f"{job.name}: exit code {outcome.code}, held: {outcome.held}: {self.said(job)}")
                continue
            models.add((job.folder / job.arguments[0] / "last.pt").read_bytes())
            config = (job.folder / job.arguments[0] / "config.toml").read_text()
            for option in ["lr", "gamma", "seed"]:
                number = float(job.arguments[job.arguments.index(f"--{option}") + 1])
                if not any(line.startswith(f"{option} = ") and float(line.split("= ")[1]) == number
                           for line in config.replace("'", "").replace('"', "").splitlines()):
                    wrong.append(f"{job.name}: config.toml has no {option} = {number}")
        self.pool.path = None
        if len(models) < len(jobs):
            wrong.append("some models are the same")
        note("jobs of sweep.txt, evicted once where they are not faster", len(jobs), len(wrong),
             f"{len(models)} models that differ; {'; '.join(wrong) or 'nothing wrong'}")


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--evictions", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build" / "release")
    parser.add_argument("--data-dir", type=pathlib.Path)
    options = parser.parse_args()
    options.build = options.build.resolve()
    if options.data_dir:
        options.data_dir = options.data_dir.resolve()
    if options.evictions is None:
        options.evictions = 3 if options.short else 20
    if not (options.build / "bin" / "mnist").is_file():
        print(f"error: there is no program {options.build}/bin/mnist\nhint: scripts/run build, or name another folder with "
              "--build", file=sys.stderr)
        return 2
    check_descriptions()
    with tempfile.TemporaryDirectory(prefix="mnist-htcondor-") as folder:
        bench = Bench(options, folder)
        try:
            bench.evicted()
            bench.failures()
            bench.sweep()
        finally:
            bench.pool.end()
    print("\n| what | times | wrong | |\n|---|---|---|---|")
    for row in ROWS:
        print("| " + " | ".join(map(str, row)) + " |")
    return 1 if any(row[2] for row in ROWS) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
