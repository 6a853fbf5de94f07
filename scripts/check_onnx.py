"""Checks what mnist export writes. Run it with scripts/check_onnx; see its --help.

Prints one line per check. Exit code 1 if a check fails.
"""

import argparse
import csv
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
import PIL.Image
import safetensors
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from checks import Checks

HERE = pathlib.Path(__file__).resolve().parent
DIGITS = ["cnn", "lenet", "convnet"]
PHOTOS = ["resnet18", "resnet34", "resnet50", "mobilenet_v3_small"]
LOGIT_TOLERANCE = 1e-5        # from those in float64, relative to the largest logit; twice as much from float32
PROBABILITY_TOLERANCE = 1e-5
PICTURES = 200                # that mnist infer answers
ONNX_TYPES = {"TYPE_UINT8": "tensor(uint8)", "TYPE_FP32": "tensor(float)"}


def export(mnist, model, output, *options):
    subprocess.run([mnist, "export", "--model", model, "--output", output, *options], check=True,
                   stderr=subprocess.DEVNULL)
    return output


class Session:
    """An ONNX file in onnxruntime on the CPU."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.input, = self.session.get_inputs()
        self.output, = self.session.get_outputs()
        self.metadata = self.session.get_modelmeta().custom_metadata_map

    def run(self, images, batch):
        return numpy.concatenate([self.session.run([self.output.name], {self.input.name: images[i:i + batch]})[0]
                                  for i in range(0, len(images), batch)])

    def normalized(self, pixels):
        recipe = json.loads(self.metadata["preprocessing"])
        mean, std = (numpy.array(recipe[key], numpy.float32).reshape(1, -1, 1, 1) for key in ("mean", "std"))
        return (pixels.astype(numpy.float32) / numpy.float32(255) - mean) / std

    def run_normalized(self, pixels, batch):
        """Of many pixels, without all of them as floats in memory."""
        return numpy.concatenate([self.run(self.normalized(pixels[i:i + batch]), batch)
                                  for i in range(0, len(pixels), batch)])


def softmax(logits, temperature=1.0):
    powers = numpy.exp((logits - logits.max(1, keepdims=True)).astype(numpy.float64) / temperature)
    return powers / powers.sum(1, keepdims=True)


def check_file(checks, name, path):
    """The file by itself; returns its session."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    session = Session(path)
    expected = {"arch", "class_names", "preprocessing", "temperature", "program", "model_sha256"}
    checks.check(f"{name}: onnx.checker, shapes, metadata",
                 model.ir_version == 8 and [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
                 and set(session.metadata) == expected and session.input.shape[0] == "N" and bool(model.doc_string)
                 and len(json.loads(session.metadata["class_names"])) == session.output.shape[1],
                 f"{session.input.name} {session.input.shape} to {session.output.name} {session.output.shape}")
    return session, model


def check_safetensors(checks, name, path, model):
    """The same weights as in the ONNX file, and a recipe."""
    weights = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    with safetensors.safe_open(path, "np") as file:
        recipe = json.loads(file.metadata()["mnist"])
        others = [key for key in file.keys() if key not in weights]
        same = all(numpy.array_equal(file.get_tensor(key), value) for key, value in weights.items())
    checks.check(f"{name}: safetensors", same and all(key.endswith("num_batches_tracked") for key in others)
                 and len(recipe["class_names"]) > 1, f"{len(weights)} tensors are those of the ONNX file")


def check_triton(checks, name, repository, session):
    """The model repository as Triton reads it: configuration, labels, versions."""
    folder = repository / "served"
    config = text_format.Parse((folder / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    labels = (folder / "labels.txt").read_text().splitlines()

    def same(described, value):
        return (described.name == value.name and list(described.dims) == value.shape[1:]
                and ONNX_TYPES[model_config_pb2.DataType.Name(described.data_type)] == value.type)

    checks.check(f"{name}: Triton's schema",
                 config.name == "served" and config.platform == "onnxruntime_onnx" and config.max_batch_size == 64
                 and config.HasField("dynamic_batching") and same(config.input[0], session.input)
                 and same(config.output[0], session.output) and config.output[0].label_filename == "labels.txt"
                 and labels == json.loads(session.metadata["class_names"])
                 and sorted(path.parent.name for path in folder.glob("*/model.onnx")) == ["1", "2"])


def random_images(arch, count):
    """uint8 [count, C, H, W]: noise in patches, so that a network sees shapes."""
    random = numpy.random.default_rng(1)
    channels, side, patch = (1, 28, 4) if arch in DIGITS else (3, 224, 16)
    patches = random.integers(0, 256, (count, channels, side // patch, side // patch), numpy.uint8)
    return patches.repeat(patch, axis=2).repeat(patch, axis=3)


def check_network(checks, options, arch, folder):
    pixels = random_images(arch, options.images if arch in DIGITS else options.photos)
    model, logits_file = folder / f"{arch}.pt", folder / f"{arch}.npz"
    numpy.save(folder / "images.npy", pixels)
    subprocess.run([options.torch_python, HERE / "onnx_networks.py", arch, folder / "images.npy", model, logits_file],
                   check=True)
    logits = numpy.load(logits_file)
    single, double = logits["single"], logits["double"]
    bare, content = check_file(checks, arch, export(options.mnist, model, folder / f"{arch}.onnx"))
    whole, _ = check_file(checks, arch, export(options.mnist, model, folder / "whole.onnx", "--with-preprocessing",
                                               "--overwrite"))
    largest = numpy.abs(single).max()

    def apart(ones, others):
        count = min(len(ones), len(others))
        return numpy.abs(ones[:count] - others[:count]).max() / largest

    print(f"        {arch}: the largest logit is {largest:.3g}; PyTorch's in float32 are {apart(single, double):.1e} of it "
          f"from its own in float64", flush=True)
    for batch in (1, 3, 64):
        count = len(single) if batch == 64 else len(double)
        found = bare.run_normalized(pixels[:count], batch)
        from_double, from_single = apart(found, double), apart(found, single)
        agree = (found.argmax(1) == single[:count].argmax(1)).mean()
        checks.check(f"{arch}: logits of {count} images in batches of {batch}",
                     from_double < LOGIT_TOLERANCE and from_single < 2 * LOGIT_TOLERANCE,
                     f"{from_double:.1e} of the largest from PyTorch's in float64, {from_single:.1e} from those in "
                     f"float32; {agree:.2%} the same class")
    furthest = numpy.abs(whole.run(pixels[:len(double)], 64) - softmax(double)).max()
    checks.check(f"{arch}: probabilities of {len(double)} images from pixels", furthest < PROBABILITY_TOLERANCE,
                 f"at most {furthest:.1e} from PyTorch's")
    check_safetensors(checks, arch, export(options.mnist, model, folder / f"{arch}.safetensors", "--format",
                                           "safetensors"), content)
    for _ in range(2):
        export(options.mnist, model, folder / arch, "--format", "triton", "--name", "served", "--with-preprocessing")
    check_triton(checks, arch, folder / arch, whole)


def load_test_set(data_dir):
    def content(name, skip):
        with gzip.open(data_dir / "MNIST" / "raw" / f"t10k-{name}-ubyte.gz") as file:
            return numpy.frombuffer(file.read(), numpy.uint8, offset=skip)

    return content("images-idx3", 16).reshape(-1, 1, 28, 28), content("labels-idx1", 8)


def check_digits(checks, options, folder):
    """A trained model: the answers of mnist evaluate and mnist infer."""
    name = options.model.name
    bare, _ = check_file(checks, name, export(options.mnist, options.model, folder / "digits.onnx"))
    whole, _ = check_file(checks, name, export(options.mnist, options.model, folder / "digits_whole.onnx",
                                               "--with-preprocessing"))
    pixels, labels = load_test_set(options.data_dir)
    mistakes = folder / "mistakes.csv"
    subprocess.run([options.mnist, "evaluate", "--model", options.model, "--dataset", "mnist", "--data-dir",
                    options.data_dir, "--device", "cpu", "--misclassified", mistakes], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    classes = json.loads(bare.metadata["class_names"])
    answers = labels.astype(int)
    with mistakes.open() as file:
        for row in csv.DictReader(file):
            answers[int(row["item"])] = classes.index(row["predicted"])
    ours = bare.run_normalized(pixels, 64).argmax(1)
    checks.check(f"{name}: class of {len(labels)} test images", (ours == answers).all(),
                 f"{(ours == answers).sum()} the same as mnist evaluate, {(ours == labels).sum()} right")
    from_pixels = whole.run(pixels, 64).argmax(1)
    checks.check(f"{name}: the same from pixels", (from_pixels == answers).all(),
                 f"{(from_pixels == answers).sum()} the same")
    check_infer(checks, options, whole, pixels[:PICTURES], folder)


def check_infer(checks, options, whole, pixels, folder):
    """mnist infer says the probabilities, and shows what the network gets: that goes to onnxruntime."""
    pictures, shown = folder / "pictures", folder / "shown"
    pictures.mkdir()
    for index, picture in enumerate(pixels):
        PIL.Image.fromarray(picture[0]).save(pictures / f"{index:05}.png")
    output = subprocess.run([options.mnist, "infer", "--model", options.model, pictures, "--show-input", shown,
                             "--top-k", "1000", "--format", "json", "--device", "cpu"], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    said = {pathlib.Path(line["path"]).stem: line["top_k"] for line in map(json.loads, output.splitlines())}
    files = sorted(shown.glob("*.png"))
    probabilities = whole.run(numpy.stack([numpy.asarray(PIL.Image.open(file))[None] for file in files]), 64)
    apart = max(abs(probabilities[row][entry["class_index"]] - entry["probability"])
                for row, key in enumerate(sorted(said)) for entry in said[key])
    checks.check(f"{options.model.name}: probabilities of {len(files)} pictures",
                 len(said) == len(files) == len(pixels) and apart < PROBABILITY_TOLERANCE,
                 f"at most {apart:.1e} from those of mnist infer, temperature {whole.metadata['temperature']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--networks", default=",".join(DIGITS + PHOTOS))
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--mnist", default="build/release/bin/mnist")
    parser.add_argument("--torch-python", required=True)
    options = parser.parse_args()
    if (options.data_dir is None) != (options.model is None):
        parser.error("--data-dir and --model go together")
    networks = [] if options.networks == "none" else options.networks.split(",")
    for arch in networks:
        if arch not in DIGITS + PHOTOS:
            parser.error(f"unknown network '{arch}': choose from {', '.join(DIGITS + PHOTOS)}")
    checks = Checks(always=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if options.model is not None:
            check_digits(checks, options, folder)
        for arch in networks:
            check_network(checks, options, arch, folder)
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
