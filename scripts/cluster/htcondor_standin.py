#!/usr/bin/env python3
"""Runs a submit description on this machine without HTCondor's daemons, as HTCondor's manual describes it.

    scripts/cluster/htcondor_standin.py [--evictions N] [--mean SECONDS] [--seed N] [--path DIR] [NAME=VALUE ...] FILE

    --evictions N      evict each job so many times, at random moments (default 0)
    --mean SECONDS     mean time between two evictions (default 20)
    --seed N           seed of the random moments (default 1)
    --path DIR         a folder with programs, in place of a container image
    NAME=VALUE         a macro that is set before the file is read, as for condor_submit

To test a changed submit description or train.sh without a cluster. HTCondor's own parser reads FILE (PyPI's htcondor;
scripts/cluster/test_htcondor --python has it). Imitated:
- Every job starts in its own scratch folder, which contains only the executable and transfer_input_files. The job does
  not inherit the caller's environment.
- After an exit with checkpoint_exit_code, transfer_checkpoint_files and the output so far are transferred, and the job
  restarts in place.
- An eviction is SIGTERM to the job's first process only, then SIGKILL to all after the grace period, or SIGKILL at
  once. The scratch folder is removed. The next one gets the last transferred files: those of a checkpoint, or those
  after SIGTERM if when_to_transfer_output is ON_EXIT_OR_EVICT.
- If a file to be transferred is missing, or on_exit_hold is true, the job is held.
Not imitated: matching, priorities, URLs, containers, streaming, limits of memory and disk.

Exit codes: 0 all jobs ended with 0, 1 otherwise, 2 usage.
"""

import argparse
import contextlib
import datetime
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import classad2
import htcondor2

GRACE = 600  # seconds from SIGTERM to SIGKILL, HTCondor's usual ones
EVENTS = {"submit": "000", "execute": "001", "evict": "004", "end": "005", "held": "012", "transfer": "040"}


class Held(Exception):
    """The job goes on hold; the text is the reason."""


class Job:
    """One job of a submit description, its macros replaced. Names of files are those of the submit description."""

    def __init__(self, submit, folder, cluster, process, item):
        for name, value in {**item, "Cluster": cluster, "ClusterId": cluster, "Process": process, "ProcId": process}.items():
            submit[name] = str(value)

        def value(name, default=""):
            return submit.expand(name).strip() if name in submit else default

        def names(name):
            return [part.strip() for part in value(name).split(",") if part.strip()]

        self.name = f"{cluster:03}.{process:03}.000"
        self.folder = folder
        self.universe = value("universe", "vanilla")
        self.executable = value("executable")
        self.arguments = value("arguments").split()
        self.inputs = names("transfer_input_files")
        self.outputs = names("transfer_output_files")
        self.checkpoint_files = names("transfer_checkpoint_files") or self.outputs
        self.checkpoint_code = int(value("checkpoint_exit_code", "-1"))
        self.transfer_at_eviction = value("when_to_transfer_output", "ON_EXIT").upper() == "ON_EXIT_OR_EVICT"
        self.signal = getattr(signal, value("kill_sig", "SIGTERM"))
        self.streams = {"_condor_stdout": value("output"), "_condor_stderr": value("error")}
        self.log = value("log")
        self.cpus = value("request_cpus", "1")
        self.requirements = value("requirements", "true")
        self.hold_if = value("on_exit_hold", "false")
        self.hold_reason = value("on_exit_hold_reason", '"on_exit_hold was true"')
        self.attributes = {key: submit.expand(key) for key in submit if key.startswith("MY.")}

    def note(self, event, text):
        """A line of the job's log, with HTCondor's number of such an event."""
        with open(self.folder / self.log, "a") as log:
            log.write(f"{EVENTS[event]} ({self.name}) {datetime.datetime.now():%Y-%m-%d %H:%M:%S} {text}\n...\n")


class Eviction:
    """That the machine is taken away `after` so many seconds; without_warning: SIGKILL, and nothing can be fetched."""

    def __init__(self, after, without_warning):
        self.after, self.without_warning = after, without_warning


class Outcome:
    """What became of a job: its exit code or the reason why it is on hold, and how often what happened."""

    def __init__(self):
        self.code, self.held = None, None
        self.machines = self.checkpoints = self.warned = self.killed = 0
        self.ends = []  # of evictions with SIGTERM: exit code (negative: the signal), standard error since the start


def jobs_of(path, cluster=1, macros=None):
    """The jobs of a submit description. Raises ValueError where HTCondor refuses it."""
    path = pathlib.Path(path)
    text = "".join(f"{name} = {value}\n" for name, value in (macros or {}).items()) + path.read_text()
    here = os.getcwd()
    os.chdir(path.parent)  # the file of `queue ... from` is looked for there
    try:
        submit = htcondor2.Submit(text)
        queue = submit.getQArgs()
        items = [{}] * int(queue or 1) if re.fullmatch(r"\d*", queue) else list(submit.itemdata())
    finally:
        os.chdir(here)
    return [Job(submit, path.parent.resolve(), cluster, process, item) for process, item in enumerate(items)]


def evaluate(expression, **attributes):
    return classad2.ExprTree(expression).eval(classad2.ClassAd(attributes))


def copy(source, target):
    """A file or a folder; a folder that is there is replaced."""
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def fetch(job, names, scratch, target, rename=None):
    """Transfers files out of a scratch folder, under their last names. None is fetched if one is missing."""
    for name in names:
        if not (scratch / name).exists():
            raise Held(f"Transfer output files failure: {name} is not in the scratch folder: No such file or directory")
    for name in names:
        base = pathlib.Path(name).name
        copy(scratch / name, target / (rename or {}).get(base, base))


class Pool:
    """Machines for jobs. The folder gets a scratch folder for each stay of a job, and what is fetched between two."""

    def __init__(self, folder, path=None):
        self.folder, self.path = pathlib.Path(folder), path
        self.process, self.said_before = None, 0

    def run(self, job, evictions=()):
        """Runs a job to its end, with these evictions as long as it lasts."""
        outcome, evictions = Outcome(), iter(evictions)
        spool = self.folder / f"spool-{job.name}"
        spool.mkdir()
        job.note("submit", f"Job submitted from host: <{socket.gethostname()}>")
        for name in job.streams.values():
            (job.folder / name).write_bytes(b"")
        try:
            while outcome.code is None:
                outcome.machines += 1
                self._stay(job, spool, next(evictions, None), outcome)
        except Held as reason:
            outcome.held = str(reason)
            job.note("held", f"Job was held.\n\t{reason}")
        shutil.rmtree(spool)
        return outcome

    def _stay(self, job, spool, eviction, outcome):
        """One machine: from the transfer of the input to the job's end or its eviction."""
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="dir_", dir=self.folder))
        try:
            for name in [job.executable, *job.inputs]:
                source = job.folder / name
                if not source.exists():
                    raise Held(f"Transfer input files failure: {source}: No such file or directory")
                copy(source, scratch / source.name)
            for path in spool.iterdir():  # what was fetched goes before what was submitted
                copy(path, scratch / path.name)
            job.note("execute", f"Job executing on host: <{scratch.name}>")
            end = time.monotonic() + eviction.after if eviction else None
            while True:
                code = self._execute(job, scratch, end)
                if code is None:
                    return self._evict(job, scratch, spool, eviction, outcome)
                if code != job.checkpoint_code:
                    return self._finish(job, scratch, code, outcome)
                self._fetch_for_next(job, job.checkpoint_files, scratch, spool)
                outcome.checkpoints += 1
                job.note("transfer", f"Checkpoint {outcome.checkpoints} transferred; started again in place")
        finally:
            self.end()
            shutil.rmtree(scratch, ignore_errors=True)  # a child of the killed script may still be writing a file

    def _execute(self, job, scratch, end):
        """Starts the job's process; its exit code (negative: the signal), or None when the time is over."""
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "BATCH_SYSTEM": "HTCondor", "OMP_NUM_THREADS": job.cpus,
                       "_CONDOR_SCRATCH_DIR": str(scratch), "_CONDOR_SLOT": "slot1_1"}
        environment |= dict.fromkeys(["TMPDIR", "TMP", "TEMP"], str(scratch))
        if self.path:
            environment["PATH"] = f"{self.path}:{environment['PATH']}"
        with open(scratch / "_condor_stdout", "ab") as out, open(scratch / "_condor_stderr", "ab") as err:
            self.said_before = err.tell()
            self.process = subprocess.Popen(
                [f"./{pathlib.Path(job.executable).name}", *job.arguments], cwd=scratch, env=environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
        try:
            self.process.wait(None if end is None else max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None
        return self.end()

    def end(self):
        """Nothing of the job goes on; the exit code of its first process."""
        if self.process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code, self.process = self.process.wait(), None
        return code

    def _evict(self, job, scratch, spool, eviction, outcome):
        if eviction.without_warning:
            outcome.killed += 1
            self.end()
            job.note("evict", "Job was evicted.\n\tKilled without warning, no file was transferred")
            return
        outcome.warned += 1
        self.process.send_signal(job.signal)  # to it alone, not to its children
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        code = self.end()
        outcome.ends.append((code, (scratch / "_condor_stderr").read_bytes()[self.said_before:].decode()))
        kept = "no file was transferred"
        if job.transfer_at_eviction:
            self._fetch_for_next(job, job.outputs, scratch, spool)
            kept = "files were transferred"
        job.note("evict", f"Job was evicted.\n\tIt ended with exit code {code}, {kept}")

    def _fetch_for_next(self, job, names, scratch, spool):
        fetch(job, [*names, *job.streams], scratch, spool)

    def _finish(self, job, scratch, code, outcome):
        fetch(job, [*job.outputs, *job.streams], scratch, job.folder, job.streams)
        outcome.code = code
        attributes = {"ExitCode": code, "ExitBySignal": False} if code >= 0 else {"ExitSignal": -code, "ExitBySignal": True}
        if evaluate(job.hold_if, **attributes) is True:
            raise Held(evaluate(job.hold_reason, **attributes))
        job.note("end", f"Job terminated.\n\tNormal termination (return value {code})")


def random_evictions(dice, mean):
    """Endless: after a random time, every third without a warning.

    Not in the first tenth of a second, before the script's first line: HTCondor puts such a job on hold, too."""
    while True:
        yield Eviction(max(0.1, dice.uniform(0, 2 * mean)), dice.random() < 1 / 3)


def main():
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__)
        return 0
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("what", nargs="+")
    parser.add_argument("--evictions", type=int, default=0)
    parser.add_argument("--mean", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--path")
    options = parser.parse_args()
    path = options.what[-1]
    try:
        jobs = jobs_of(path, macros=dict(part.split("=", 1) for part in options.what[:-1]))
    except (OSError, ValueError) as error:
        print(f"error: {path} cannot be submitted: {error}\nhint: see the lines of the file that the text names, and "
              "NAME=VALUE before it", file=sys.stderr)
        return 2
    dice = random.Random(options.seed)
    good = True
    with tempfile.TemporaryDirectory(prefix="mnist-htcondor-") as folder:
        pool = Pool(folder, options.path)
        try:
            for job in jobs:
                evictions = random_evictions(dice, options.mean)
                outcome = pool.run(job, [next(evictions) for _ in range(options.evictions)])
                good &= outcome.code == 0
                print(f"{job.name}: {'held: ' + outcome.held if outcome.held else f'exit code {outcome.code}'}; "
                      f"{outcome.machines} machines, {outcome.checkpoints} checkpoints with exit code "
                      f"{job.checkpoint_code}, {outcome.warned} evictions with SIGTERM, {outcome.killed} without")
        finally:
            pool.end()
    return 0 if good else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
