"""Checks the event files of mnist with TensorBoard. Run it with scripts/check_tensorboard; see its --help.

Three runs: one from the beginning to the end; of another, what a killed process leaves (an event file that ends in the
middle of a record, rows after the last checkpoint), resumed; and a finished one, resumed for another epoch.
TensorBoard's event accumulator reads them, and then a TensorBoard server on the loopback interface. Each step, picture
and epoch must be there once, and each picture must be a PNG with content. Prints one line per check. Exit code 1 if a
check fails.
"""

import argparse
import io
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.parse
import urllib.request

import PIL.Image
from tensorboard import program
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from checks import Checks

BATCHES = 30        # per epoch
EPOCHS = 2
KILLED_AFTER = 35   # steps that the newest checkpoint of the killed run has
ROUNDING = 1e-6     # relative, of single precision
PATIENCE = 30       # seconds until the server has read the files
PICTURES = ["train/batch", "test/confusion", "test/mistakes"]
EPOCH_TAGS = {"test/loss": "loss", "test/accuracy": "accuracy", "train/epoch_loss": "train_loss",
              "train/epoch_accuracy": "train_accuracy", "epoch": "epoch"}


def train(mnist, data, run, *options):
    command = [mnist, "train", "--device", "cpu", "--quiet", "--data-dir", data, "--output", run.with_suffix(".pt"),
               *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def kill(run):
    """Makes of a finished run what a killed process leaves after its checkpoint of KILLED_AFTER steps."""
    checkpoints = sorted((run / "checkpoints").glob("step-*.pt"))
    for file in checkpoints:
        if int(file.stem.removeprefix("step-")) > KILLED_AFTER:
            file.unlink()
    if len(checkpoints) == len(list((run / "checkpoints").glob("step-*.pt"))):
        sys.exit("error: there was no later checkpoint to remove")
    events, = run.glob("events.out.tfevents.*")
    content = events.read_bytes()
    # In the middle of the confusion matrix: what is behind it, such as the end, was not written.
    events.write_bytes(content[:content.index(b"\x89PNG", content.index(b"test/confusion")) + 10])


def rows_of(run, kind):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["kind"] == kind]


def same(ones, others):
    """Whether two lists of (step, value) are the same, the values up to rounding."""
    return len(ones) == len(others) and all(
        one[0] == other[0] and abs(one[1] - other[1]) <= ROUNDING * abs(other[1]) for one, other in zip(ones, others))


def check_file(checks, run):
    """What the event accumulator reads from a run."""
    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
    events.Reload()

    def scalars(tag):
        return [(event.step, event.value) for event in events.Scalars(tag)]

    def compare(tag, expected):
        checks.check(f"{run.name}: {tag} of {len(expected)} steps", same(scalars(tag), expected),
                     f"{scalars(tag)} instead of {expected}")

    train_rows = rows_of(run, "train")
    compare("train/loss", [(row["step"], row["loss"]) for row in train_rows])
    compare("train/lr", [(row["step"], row["lr"]) for row in train_rows])
    for tag, key in EPOCH_TAGS.items():
        compare(tag, [(row["epoch"] * BATCHES - 1, row[key]) for row in rows_of(run, "test")])
    tags = set(events.Tags()["scalars"])
    others = {"train/images_per_second", "time/train_seconds", "time/test_seconds"}
    checks.check(f"{run.name}: speed and seconds", others <= tags, tags)
    times = [event.wall_time for event in events.Scalars("train/loss")]
    checks.check(f"{run.name}: times", times == sorted(times) and abs(time.time() - times[-1]) < 600, times)
    checks.check(f"{run.name}: pictures", sorted(events.Tags()["images"]) == sorted(PICTURES), events.Tags()["images"])
    for tag in PICTURES:
        images = [(image.step, (image.width, image.height), image.encoded_image_string) for image in events.Images(tag)]
        check_images(checks, f"{run.name}: picture {tag}", images, step_of_picture(run, tag))
    check_hparams(checks, run, events.summary_metadata)


def step_of_picture(run, tag):
    """The first batch is drawn at the start, the others after the last epoch."""
    return 0 if tag == "train/batch" else rows_of(run, "test")[-1]["epoch"] * BATCHES


def check_images(checks, name, images, step):
    """Images as (step, size or None, bytes): each step once, the last one is `step`, of its size, and has colours.

    A finished run that is resumed may have those of its first end, too: the server keeps them.
    """
    steps = [one[0] for one in images]
    if steps != sorted(set(steps)) or steps[-1:] != [step]:
        checks.check(name, False, f"steps {steps}, and the last one should be {step}")
        return
    _, size, content = images[-1]
    try:
        with PIL.Image.open(io.BytesIO(content)) as picture:
            colors = picture.convert("RGB").getcolors(maxcolors=picture.width * picture.height)
            checks.check(name, picture.format == "PNG" and size in (None, picture.size) and len(colors) > 1,
                         f"{picture.format} {picture.size} instead of {size}, {len(colors)} colours")
    except OSError as error:
        checks.check(name, False, error)


def check_hparams(checks, run, summaries):
    def content(tag):
        return summaries[tag].plugin_data.content

    start = metadata.parse_session_start_info_plugin_data(content(metadata.SESSION_START_INFO_TAG))
    options = tomllib.loads((run / "config.toml").read_text())["train"]
    options["epochs"] = EPOCHS  # TensorBoard keeps those that it read first
    given = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    checks.check(f"{run.name}: {len(given)} options", len(given) > 20
                 and all(options[name] == value for name, value in given.items()), given)
    experiment = metadata.parse_experiment_plugin_data(content(metadata.EXPERIMENT_TAG))
    checks.check(f"{run.name}: columns", set(given) <= {info.name for info in experiment.hparam_infos}
                 and [info.name.tag for info in experiment.metric_infos] == ["test/accuracy", "test/loss"], experiment)


def check_server(checks, folder, runs):
    """What TensorBoard's pages get."""
    board = program.TensorBoard()
    board.configure(logdir=str(folder), host="127.0.0.1", port=0, reload_interval=1)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    url = board.launch()

    def content_of(path, data=None):
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(urllib.parse.urljoin(url, path), body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read()

    def get(path, data=None):
        return json.loads(content_of(path, data))

    def sessions():
        query = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS", "STATUS_UNKNOWN", "STATUS_FAILURE",
                                                           "STATUS_RUNNING"],
                 "colParams": [{"metric": {"group": "", "tag": "test/accuracy"}}], "startIndex": 0, "sliceSize": 10}
        groups = get("data/plugin/hparams/session_groups", query)["sessionGroups"]
        return {session["name"]: session for group in groups for session in group["sessions"]}

    deadline = time.monotonic() + PATIENCE
    ended = {}
    while len(ended) < len(runs) and time.monotonic() < deadline:
        time.sleep(0.5)
        ended = {name: one for name, one in sessions().items() if one.get("status") == "STATUS_SUCCESS"}
    names = sorted(run.name for run in runs)
    checks.check("server: runs", sorted(get("data/runs")) == names, get("data/runs"))
    checks.check("server: ends of the runs", sorted(ended) == names, sessions())
    for run in runs:
        query = urllib.parse.urlencode({"run": run.name, "tag": "train/loss"})
        steps = [event[1] for event in get(f"data/plugin/scalars/scalars?{query}")]
        expected = [row["step"] for row in rows_of(run, "train")]
        checks.check(f"server: {run.name}: steps", steps == expected, steps)
        for tag in PICTURES:
            query = urllib.parse.urlencode({"run": run.name, "tag": tag, "sample": 0})
            images = [(one["step"], None, content_of(f"data/plugin/images/individualImage?{one['query']}"))
                      for one in get(f"data/plugin/images/images?{query}")]
            check_images(checks, f"server: {run.name}: picture {tag}", images, step_of_picture(run, tag))
        values = ended.get(run.name, {}).get("metricValues", [])
        accuracy = rows_of(run, "test")[-1]["accuracy"]
        checks.check(f"server: {run.name}: test/accuracy", any(abs(value["value"] - accuracy) < ROUNDING
                                                               for value in values), values)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", required=True, type=pathlib.Path)
    parser.add_argument("--mnist", default="build/release/bin/mnist", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary) / "runs"
        folder.mkdir(parents=True)
        runs = [folder / "whole", folder / "resumed", folder / "longer"]
        for seed, run in enumerate(runs, start=1):
            train(arguments.mnist, arguments.data_dir, run, "--run-dir", run, "--tensorboard", "--arch", "lenet",
                  "--limit-batches", str(BATCHES), "--epochs", str(EPOCHS), "--seed", str(seed),
                  "--checkpoint-every", "5steps", "--keep", "100")
        kill(runs[1])
        train(arguments.mnist, arguments.data_dir, runs[1], "--resume", runs[1])
        train(arguments.mnist, arguments.data_dir, runs[2], "--resume", runs[2], "--epochs", str(EPOCHS + 1))
        checks.check("an event file for each process",
                     [len(list(run.glob("events.out.tfevents.*"))) for run in runs] == [1, 2, 2])
        for run in runs:
            check_file(checks, run)
        check_server(checks, folder, runs)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
