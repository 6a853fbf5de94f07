"""Cases of scripts/torture: runs of several processes."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from torture_bench import REPOSITORY, note

TIMEOUT = 10  # seconds, of the ranks


def ranks_of(launcher):
    """Process ids of the processes of `mnist train --procs`, by rank."""
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, KeyError, IndexError, ValueError):
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            variables = dict(entry.split(b"=", 1) for entry in (folder / "environ").read_bytes().split(b"\0") if b"=" in entry)
            if parent == launcher:
                found[int(variables[b"RANK"])] = int(folder.name)
    return found


def strike(bench, process, size):
    """Kills, or stops, one rank at a random moment. Returns what it did, and when."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(bench.dice.uniform(0.3, 4))
    victims = ranks_of(process.pid)
    rank = bench.dice.randrange(size)
    if process.poll() is not None or rank not in victims:
        return "nothing", 0
    # A process that does not answer is found by the timeout, one that is gone at once.
    number = bench.dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP])
    os.kill(victims[rank], number)
    begin = time.monotonic()
    return f"{number.name} of rank {rank}", begin


def ranks(bench, count):
    size = 4
    arguments = ["--arch", "lenet", "--batch-size", 16, "--log-interval", 5, "--checkpoint-every", "25steps", "--threads", 1,
                 "--epochs", max(4, count), "--procs", size, "--timeout", TIMEOUT]
    code, said = bench.run(bench.command("whole", arguments))
    assert code == 0, said
    command = bench.command("lost", arguments)
    struck, wrong, slowest, finished = 0, 0, 0, 0
    while struck < count and not finished:
        process = bench.start(command)
        what, begin = strike(bench, process, size)
        try:
            _, said = process.communicate(timeout=4 * TIMEOUT)
        except subprocess.TimeoutExpired:
            for victim in ranks_of(process.pid).values():
                os.kill(victim, signal.SIGKILL)
            process.kill()
            _, said = process.communicate()
        if what == "nothing":
            finished += process.returncode == 0
            wrong += process.returncode != 0
            continue
        took = time.monotonic() - begin
        slowest = max(slowest, took)
        struck += 1
        messages = len(re.findall("^error: ", said, re.MULTILINE))
        # One that ends before its ranks have found each other is told by another message, once too.
        good = process.returncode == 75 and messages == 1 and took <= TIMEOUT + 1
        wrong += not good
        if not good:
            print(f"{what}: exit code {process.returncode}, {messages} messages, {took:.1f} s\n{said}")
    code, said = bench.run(command)
    different = [said] if code else bench.differences("whole", "lost")
    note(f"one of {size} processes killed or stopped at random moments", struck, wrong + len(different),
         f"all ended within {slowest:.1f} s, timeout {TIMEOUT} s; resumed, the files at the end: {different or 'the same'}")


def start_of(launcher, size):
    """The words before `mnist train`, and those behind it; nothing if the launcher is not there."""
    python = subprocess.run([REPOSITORY / "scripts" / "check_python", "--python"], capture_output=True, text=True,
                            check=False).stdout.strip()
    torchrun = shutil.which("torchrun") or (str(pathlib.Path(python).parent / "torchrun") if python else "")
    if launcher == "--procs":
        return [], ["--procs", size]
    if launcher == "torchrun" and torchrun and pathlib.Path(torchrun).is_file():
        return [torchrun, "--no-python", "--standalone", "--nproc-per-node", str(size)], []
    if launcher == "mpirun" and shutil.which("mpirun"):
        root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
        return ["mpirun", *root, "--oversubscribe", "-np", str(size)], []
    return None


def rows_of(bench, run):
    return [json.loads(line) for line in (bench.folder / run / "metrics.jsonl").read_text().splitlines()]


def run_by(bench, launcher, size, arguments, name=""):
    start = start_of(launcher, size)
    if start is None:
        return None
    before, behind = start
    run = f"{name or launcher.strip('-')}-{size}"
    code, said = bench.run([*before, *bench.command(run, [*arguments, "--threads", 1, *behind])])
    assert code == 0, said
    return rows_of(bench, run)


def launchers(bench, count):
    """Losses of the first `count` steps, and the accuracy at the end."""
    mild = ["--arch", "cnn", "--optimizer", "sgd", "--lr", 0.01, "--log-interval", 1, "--epochs", 1, "--limit-batches", count]
    alone = [row["loss"] for row in run_by(bench, "--procs", 1, mild) if row["kind"] == "train"]
    for launcher in ["--procs", "torchrun", "mpirun"]:
        for size in [2, 4]:
            rows = run_by(bench, launcher, size, mild)
            if rows is None:
                note(f"{launcher} is not there", 0, 0)
                break
            losses = [row["loss"] for row in rows if row["kind"] == "train"]
            most = max(abs(one - other) for one, other in zip(alone, losses, strict=True))
            note(f"{launcher}, {size} processes: losses as of one", len(losses), int(not most <= 1e-5), f"up to {most:.1e}")
    if not bench.options.digits:
        return
    accuracies = {}
    for size in [1, 2, 4]:
        epochs = ["--arch", "cnn", "--epochs", 2, "--data-dir", bench.options.digits]
        rows = run_by(bench, "--procs", size, epochs, "digits")
        accuracies[size] = 100 * rows[-1]["accuracy"]
    spread = max(accuracies.values()) - min(accuracies.values())
    note("accuracy after 2 epochs of MNIST, of 1, 2 and 4 processes", 3, int(not spread <= 0.1),
         ", ".join(f"{accuracy:.2f} %" for accuracy in accuracies.values()))
