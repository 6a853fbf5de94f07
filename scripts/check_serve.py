"""Checks mnist serve with real clients. Run it with scripts/check_serve; see its --help.

Prints one line per check. Exit code 1 if a check fails.
"""

import argparse
import dataclasses
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import check_serve_http
import check_serve_limits
import check_serve_metrics
import check_serve_predict
import check_serve_v2
import serve_process as process
from checks import Checks

IMAGES = 1000


@dataclasses.dataclass
class Scene:
    """What the parts of the check share."""

    mnist: pathlib.Path
    folder: pathlib.Path
    data: pathlib.Path
    images: list      # of 784 bytes
    files: dict       # model files by (name, version)
    expected: dict    # what mnist infer says for the images: probabilities by (name, version)
    photo_model: pathlib.Path | None = None

    def start(self, *options, models=None):
        if models is None:
            models = [f"{name}={file}" for (name, _), file in self.files.items()]
        return process.Server(self.mnist, self.folder, models, *options)


def make_scene(options, folder):
    data = process.data_folder(options.data_dir, folder)
    images = process.test_images(data, IMAGES)
    files = {("digits", "1"): process.train(options.mnist, folder, data, "first", seed=1),
             ("digits", "2"): process.train(options.mnist, folder, data, "second", seed=2),
             ("lenet", "1"): process.train(options.mnist, folder, data, "lenet", arch="lenet", batches=60)}
    expected = {key: process.infer_images(options.mnist, folder, file, images) for key, file in files.items()}
    return Scene(options.mnist, folder, data, images, files, expected, options.photo_model)


def v2(checks, scene):
    with scene.start() as server:
        check_serve_v2.check(checks, scene, server)


def predict(checks, scene):
    with scene.start() as server:
        check_serve_predict.check(checks, scene, server)


def http(checks, scene):
    with scene.start() as server:
        check_serve_http.check(checks, scene, server)
        server.send_signal(signal.SIGTERM)
        code, rest = server.wait()
    checks.check("SIGTERM: exit code 143, and nothing on stdout but the address", (code, rest) == (143, ""),
                 f"{code}, {rest!r}")


def examples(checks, scene):
    """The programs of docs/examples."""
    folder = process.REPOSITORY / "docs" / "examples"
    picture = scene.folder / "example.png"
    picture.write_bytes(process.png(*process.drawn("4")))
    answer, = process.infer(scene.mnist, scene.folder, scene.files["lenet", "1"], [picture])
    with scene.start(models=[f"lenet={scene.files['lenet', '1']}"]) as server:
        done = subprocess.run([sys.executable, folder / "serve_client.py", server.url, picture], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        checks.check("docs/examples/serve_client.py", done.returncode == 0
                     and f"{picture}: {answer['prediction']}, {answer['probability']:.4f}" in done.stdout
                     and "a vertical bar as the network's input: " in done.stdout, done.stdout + done.stderr)
        program = scene.folder / "serve_client"
        built = subprocess.run([shutil.which("c++") or "c++", "-std=c++20", "-Wall", "-Wextra", "-Werror",
                                folder / "serve_client.cpp", "-lcurl", "-o", program], text=True,
                               stderr=subprocess.PIPE)
        checks.check("docs/examples/serve_client.cpp compiles", built.returncode == 0,
                     built.stderr[:500] + "\nhint: sudo apt-get install g++ libcurl4-openssl-dev")
        if built.returncode != 0:
            return
        done = subprocess.run([program, server.url, picture], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        checks.check("docs/examples/serve_client.cpp", done.returncode == 0
                     and f'"prediction":"{answer["prediction"]}"' in done.stdout.replace(" ", ""),
                     done.stdout + done.stderr)


PARTS = {"v2": v2, "predict": predict, "http": http, "limits": check_serve_limits.check,
         "metrics": check_serve_metrics.check, "examples": examples}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--photo-model", type=pathlib.Path)
    parser.add_argument("--mnist", default=process.PROGRAM)
    options = parser.parse_args()
    parts = options.only.split(",")
    for part in parts:
        if part not in PARTS:
            parser.error(f"there is no part '{part}': choose from {', '.join(PARTS)}")
    options.mnist = process.find_program(options.mnist)
    if options.photo_model:
        options.photo_model = options.photo_model.resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="mnist-serve-") as name:
        scene = make_scene(options, pathlib.Path(name))
        for part in parts:
            checks.attempt(PARTS[part], scene)
    print(f"{checks.failed} failed" if checks.failed else "all passed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
