"""Compares servers of the same model. Run it with scripts/bench_serve; see its --help."""

import argparse
import csv
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib import metadata

import serve_http as http
import serve_process as process
from bench import Memory, processor

HERE = pathlib.Path(__file__).resolve().parent
OURS = "mnist"
# Workers, and threads of PyTorch in each.
PYTHON = {"Python, 1 thread": (1, 1), "Python, usual threads": (1, 0), "Python, 2 workers": (2, 1)}
TOLERANCE = 1e-5


class PythonServer:
    """uvicorn with bench_serve_python.py on loopback."""

    def __init__(self, model, workers, threads, log):
        command = [sys.executable, "-m", "uvicorn", "bench_serve_python:app", "--port", "0",
                   "--no-access-log", "--workers", str(workers)]
        environment = os.environ | {"BENCH_MODEL": str(model), "BENCH_THREADS": str(threads)}
        self.process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=subprocess.DEVNULL,
                                        stderr=log.open("w"))
        self.pid = self.process.pid
        end = time.monotonic() + 120
        # With several workers the address is there before they are.
        while log.read_text().count("Application startup complete") < workers:
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"Python's server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        self.url = re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())[1]

    def kill(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Kind:
    """A request: where to, its header lines and body in files for wrk, and what a right answer says."""

    def __init__(self, folder, name, program, url, built, probabilities):
        headers, body = built
        self.name, self.program, self.url, self.headers, self.body = name, program, url, headers, body
        self.probabilities = probabilities
        stem = re.sub(r"\W+", "-", f"{name} {program}")
        self.files = folder / f"{stem}.body", folder / f"{stem}.headers"
        self.files[0].write_bytes(body)
        self.files[1].write_text("".join(f"{key}: {value}\n" for key, value in headers))

    def check(self, expected):
        request = urllib.request.Request(self.url, self.body, {key: str(value) for key, value in self.headers})
        with urllib.request.urlopen(request) as answer:
            headers = {key.lower(): value for key, value in answer.headers.items()}
            found = self.probabilities(http.Answer(answer.status, headers, answer.read()))
        if process.apart(found, expected) > TOLERANCE:
            sys.exit(f"error: {self.program} answers {found} instead of {expected}")

    def load(self, connections, seconds):
        """Requests a second, and microseconds that half of them and 99 % take at most."""
        environment = os.environ | {"BENCH_BODY": str(self.files[0]), "BENCH_HEADERS": str(self.files[1])}
        said = subprocess.run(["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
                               "--timeout", "10s", "--script", HERE / "bench_serve.lua", self.url], check=True,
                              stdout=subprocess.PIPE, text=True, env=environment).stdout
        requests, duration, errors, half, most = map(int, re.search(r"RESULT" + r" (\d+)" * 5, said).groups())
        if errors or not requests:
            sys.exit(f"error: {errors} of {requests} requests to {self.program} failed\n{said}")
        return requests / duration * 1e6, half, most


def make_kinds(folder, servers, image):
    """All pairs of a request and a server."""
    kinds = []
    picture = http.multipart([("digit.png", process.png(image))])

    def first(answer):
        return http.outputs_of(answer)["probabilities"][0]

    def ours(answer):
        return process.by_class(answer.json()["top_k"])

    def python(answer):
        return answer.json()["probabilities"]

    infer = "/v2/models/digits/infer"
    wanted = {"outputs": [{"name": "probabilities"}]}
    pixels = [("Content-Type", "application/json")], json.dumps({"pixels": list(image)}).encode()
    for name, built, path in (("JSON", http.infer_json([image], **wanted), infer),
                              ("bytes", http.infer_binary([image]), infer),
                              ("PNG", picture, "/predict?invert=never&top_k=10")):
        kinds.append(Kind(folder, name, OURS, servers[OURS].url + path, built, ours if name == "PNG" else first))
    for program in PYTHON:
        kinds.append(Kind(folder, "JSON", program, f"{servers[program].url}/pixels", pixels, python))
        kinds.append(Kind(folder, "PNG", program, f"{servers[program].url}/picture", picture, python))
    return kinds


def measure(kinds, options):
    """Rows: round, kind, program, connections, requests a second, p50 and p99 in milliseconds."""
    rows = []
    for number in range(1, options.rounds + 1):
        print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
        # Each round is begun by another one.
        for kind in kinds[number % len(kinds):] + kinds[:number % len(kinds)]:
            for connections in options.connections:
                rate, half, most = kind.load(connections, options.seconds)
                rows.append((number, kind.name, kind.program, connections, rate, half / 1e3, most / 1e3))
    return rows


def spread(numbers, digits):
    return f"{statistics.median(numbers):,.{digits}f} ({min(numbers):,.{digits}f}-{max(numbers):,.{digits}f})"


def table(rows):
    """Medians with smallest and largest; for mnist how many times Python's best rate of the same round and as long."""
    lines = [["request", "at once", "program", "a second", "p50 ms", "p99 ms", "times Python's best rate",
              "and p99 shorter"]]
    for connections in sorted({row[3] for row in rows}):
        for kind in ("JSON", "bytes", "PNG"):
            for program in (OURS, *PYTHON):
                found = [row for row in rows if row[1:4] == (kind, program, connections)]
                if not found:
                    continue
                ratios = ["", ""]
                if program == OURS:
                    others = [[row for row in rows if row[0] == mine[0] and row[2] != OURS and row[3] == connections
                               and row[1] == ("PNG" if kind == "PNG" else "JSON")] for mine in found]
                    ratios = [spread([mine[4] / max(row[4] for row in some) for mine, some in zip(found, others)], 2),
                              spread([min(row[6] for row in some) / mine[6] for mine, some in zip(found, others)], 2)]
                lines.append([kind, str(connections), program, spread([row[4] for row in found], 0),
                              spread([row[5] for row in found], 2), spread([row[6] for row in found], 2), *ratios])
    return lines


def memory(server):
    """MiB that a server and its children have for themselves."""
    share = Memory(server.pid)
    return sum(map(share.share, [share.pid, *share.children()]))


def title(options):
    version = subprocess.run([options.mnist, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    wrk = subprocess.run(["wrk", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True).stdout.split()
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "fastapi", "uvicorn"))
    return (f"{processor()}, {len(os.sched_getaffinity(0))} cores; {version.splitlines()[0]}; Python "
            f"{sys.version.split()[0]}, {packages}; {' '.join(wrk[:2])}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--connections", default="1,32", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--mnist", default=process.PROGRAM)
    options = parser.parse_args()
    options.mnist = process.find_program(options.mnist)
    servers = {}
    with tempfile.TemporaryDirectory(prefix="mnist-bench-serve-") as name:
        folder = pathlib.Path(name)
        data = process.data_folder(None, folder)
        model = options.model.resolve() if options.model else process.train(options.mnist, folder, data, "model")
        image = process.test_images(data, 1)[0]
        expected, = process.infer_images(options.mnist, folder, model, [image])
        try:
            servers[OURS] = process.Server(options.mnist, folder, [f"digits={model}"])
            for program, (workers, threads) in PYTHON.items():
                servers[program] = PythonServer(model, workers, threads, folder / f"python-{len(servers)}.log")
            kinds = make_kinds(folder, servers, image)
            for kind in kinds:
                kind.check(expected)
                kind.load(4, 1)
            rows = measure(kinds, options)
            sizes = {program: memory(server) for program, server in servers.items()}
        finally:
            for server in servers.values():
                server.kill()
    print(title(options))
    lines = table(rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    print("MiB of memory: " + "; ".join(f"{program} {size:.0f}" for program, size in sizes.items()))
    if options.output:
        with options.output.open("w", newline="") as file:
            file.write(f"# {title(options)}\n")
            writer = csv.writer(file)
            writer.writerow(["round", "request", "program", "connections", "requests_per_second", "p50_ms", "p99_ms"])
            writer.writerows(rows)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
