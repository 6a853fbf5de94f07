"""The Open Inference Protocol of mnist serve, for check_serve.py: NVIDIA's client, and errors as bytes."""

import asyncio
import csv
import gzip
import json

import numpy
import tritonclient.http
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

import serve_http as http
import serve_process as process

TOLERANCE = 1e-6
BATCHES = [1, 7, 32, 250]  # 250 is more than the server runs at once


def pixels_of(images):
    return numpy.frombuffer(b"".join(images), numpy.uint8).reshape(-1, 1, 28, 28)


def tensors(library, images, binary=True, names=("probabilities",), binary_out=None):
    """Input and outputs for either of the client's two forms."""
    pixels = pixels_of(images)
    tensor = library.InferInput("pixels", list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    form = binary if binary_out is None else binary_out
    return [tensor], [library.InferRequestedOutput(name, binary_data=form) for name in names]


def furthest(found, expected):
    """The largest difference of probabilities, and in how many rows the class is another one."""
    expected = numpy.array(expected)
    if found is None or found.shape != expected.shape or found.dtype != numpy.float32:
        return float("inf"), len(expected)
    return float(numpy.abs(found - expected).max()), int((found.argmax(1) != expected.argmax(1)).sum())


def check_metadata(checks, scene, client):
    checks.check("tritonclient: live and ready", client.is_server_live() and client.is_server_ready()
                 and client.is_model_ready("digits") and client.is_model_ready("digits", "2")
                 and not client.is_model_ready("nothing") and not client.is_model_ready("digits", "3"))
    about = client.get_server_metadata()
    checks.check("tritonclient: metadata of the server", about["name"] == "mnist" and about["version"]
                 and "binary_tensor_data" in about["extensions"], about)
    index = {(one["name"], one["version"]): one["state"] for one in client.get_model_repository_index()}
    checks.check("tritonclient: repository index", index == dict.fromkeys(scene.files, "READY"), index)
    for (name, version), file in scene.files.items():
        about = client.get_model_metadata(name, version)
        inputs = [(one["name"], one["datatype"], one["shape"]) for one in about["inputs"]]
        outputs = sorted((one["name"], one["datatype"], one["shape"]) for one in about["outputs"])
        more = about["parameters"]
        checks.check(f"tritonclient: metadata of {name} {version}", about["name"] == name and about["platform"]
                     and version in about["versions"] and inputs == [("pixels", "UINT8", [-1, 1, 28, 28])]
                     and outputs == [("logits", "FP32", [-1, 10]), ("probabilities", "FP32", [-1, 10])]
                     and more["sha256"] == process.sha256(file) and more["kind"] == "digit"
                     and more["arch"] == ("lenet" if name == "lenet" else "cnn") and len(more["class_names"]) == 10,
                     about)


def ask(client, scene, key, images, **form):
    """Probabilities in one request."""
    inputs, outputs = tensors(tritonclient.http, images, **form)
    return client.infer(key[0], inputs, model_version=key[1], outputs=outputs).as_numpy("probabilities")


def check_images(checks, scene, client):
    """All images, by each model, in each size of batch, as bytes and as JSON."""
    for key in [*scene.files, ("digits", "")]:
        expected = scene.expected[key if key[1] else ("digits", "2")]  # without a version: the newest
        for binary in (True, False):
            for batch in BATCHES if binary else [1, 32]:
                count = len(scene.images) if binary or batch > 1 else 100
                found = [ask(client, scene, key, scene.images[start:start + batch], binary=binary)
                         for start in range(0, count, batch)]
                found = numpy.concatenate(found)[:count]
                distance, others = furthest(found, expected[:count])
                checks.check(f"tritonclient: {key[0]} {key[1] or 'newest'}, {count} images, {batch} a request, "
                             f"{'bytes' if binary else 'JSON'}", distance < TOLERANCE and not others,
                             f"{distance:.1e} apart, {others} of another class")


def check_evaluate(checks, scene, client):
    """The class of every image of the test set is the one that mnist evaluate gives it."""
    model, mistakes = scene.files["digits", "1"], scene.folder / "mistakes.csv"
    process.run([scene.mnist, "evaluate", "--model", model, "--dataset", "mnist", "--data-dir", scene.data, "--device",
                 "cpu", "--misclassified", mistakes], scene.folder)
    names = client.get_model_metadata("digits", "1")["parameters"]["class_names"]
    raw = scene.data / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    content = raw.read_bytes() if raw.is_file() else gzip.decompress(raw.with_suffix(".gz").read_bytes())
    answers = numpy.frombuffer(content, numpy.uint8, offset=8).astype(int)
    with mistakes.open() as file:
        for row in csv.DictReader(file):
            answers[int(row["item"])] = names.index(row["predicted"])
    images = process.test_images(scene.data, len(answers))
    found = numpy.concatenate([ask(client, scene, ("digits", "1"), images[start:start + 250]).argmax(1)
                               for start in range(0, len(images), 250)])
    checks.check(f"tritonclient: class of {len(images)} images as mnist evaluate", (found == answers).all(),
                 f"{(found == answers).sum()} the same")


def check_forms(checks, scene, client):
    images, expected = scene.images[:5], scene.expected["digits", "2"][:5]
    inputs, outputs = tensors(tritonclient.http, images, names=["logits"])
    result = client.infer("digits", inputs, outputs=outputs, request_id="number 7")
    said = result.get_response()
    checks.check("tritonclient: only the output that was asked for", result.as_numpy("probabilities") is None
                 and [one["name"] for one in said["outputs"]] == ["logits"], said)
    checks.check("tritonclient: id, name and version in the answer", said.get("id") == "number 7"
                 and said["model_name"] == "digits" and said["model_version"] == "2", said)
    logits = result.as_numpy("logits").astype(numpy.float64)
    powers = numpy.exp(logits - logits.max(1, keepdims=True))
    checks.check("tritonclient: softmax of the logits is the probabilities",
                 numpy.abs(powers / powers.sum(1, keepdims=True) - expected).max() < TOLERANCE)
    result = client.infer("digits", inputs)
    checks.check("tritonclient: both outputs if none is asked for", result.as_numpy("logits") is not None
                 and furthest(result.as_numpy("probabilities"), expected)[0] < TOLERANCE)
    for binary, binary_out in ((True, False), (False, True)):
        distance, _ = furthest(ask(client, scene, ("digits", "2"), images, binary=binary, binary_out=binary_out),
                               expected)
        checks.check(f"tritonclient: {'bytes' if binary else 'JSON'} in, {'bytes' if binary_out else 'JSON'} out",
                     distance < TOLERANCE, f"{distance:.1e} apart")


def check_at_once(checks, scene, server):
    """Many requests at once, to all models and versions."""
    parts = [(key, start) for start in range(0, 96, 4) for key in scene.files]
    with tritonclient.http.InferenceServerClient(f"{server.host}:{server.port}", concurrency=16) as client:
        asked = []
        for key, start in parts:
            inputs, outputs = tensors(tritonclient.http, scene.images[start:start + 4])
            asked.append(client.async_infer(key[0], inputs, model_version=key[1], outputs=outputs))
        worst = max(furthest(one.get_result().as_numpy("probabilities"), scene.expected[key][start:start + 4])[0]
                    for one, (key, start) in zip(asked, parts))
    checks.check(f"tritonclient: async_infer, {len(parts)} requests to all models at once", worst < TOLERANCE,
                 f"{worst:.1e} apart")

    async def all_at_once():
        library = tritonclient.http.aio
        async with library.InferenceServerClient(f"{server.host}:{server.port}") as client:
            async def one(key, start):
                inputs, outputs = tensors(library, scene.images[start:start + 4], binary=start % 8 == 0)
                result = await client.infer(key[0], inputs, model_version=key[1], outputs=outputs)
                return furthest(result.as_numpy("probabilities"), scene.expected[key][start:start + 4])[0]

            return await client.is_server_ready(), max(await asyncio.gather(*(one(*part) for part in parts)))

    ready, worst = asyncio.run(all_at_once())
    checks.check(f"tritonclient.http.aio: {len(parts)} requests to all models at once", ready and worst < TOLERANCE,
                 f"{worst:.1e} apart")


def check_client_errors(checks, scene, client):
    def refused(name, status, model="digits", version="", shape=(1, 1, 28, 28), datatype="UINT8", tensor="pixels",
                output="probabilities"):
        kind = {"UINT8": numpy.uint8, "FP32": numpy.float32}[datatype]
        given = tritonclient.http.InferInput(tensor, list(shape), datatype)
        given.set_data_from_numpy(numpy.zeros(shape, kind))
        wanted = [tritonclient.http.InferRequestedOutput(output)]
        try:
            client.infer(model, [given], model_version=version, outputs=wanted)
            said = "it was answered"
        except InferenceServerException as problem:
            said = f"{problem.status()}: {problem.message()}"
        checks.check(f"tritonclient: {name}", said.startswith(f"{status}: ") and len(said) > 10
                     and "exception occurred in the client" not in said, said)

    refused("unknown model", 404, model="letters")
    refused("unknown version", 404, version="9")
    refused("wrong shape", 400, shape=(1, 28, 28))
    refused("wrong size of images", 400, shape=(1, 1, 32, 32))
    refused("no images", 400, shape=(0, 1, 28, 28))
    refused("wrong datatype", 400, datatype="FP32")
    refused("unknown input", 400, tensor="image")
    refused("unknown output", 400, output="classes")


def json_errors(good):
    """Bodies that are no request, by name. `good` is one."""
    def changed(**more):
        return json.dumps({"inputs": [json.loads(good)["inputs"][0] | more]}).encode()

    data = json.loads(good)["inputs"][0]["data"]
    no_data = json.loads(good)["inputs"][0]
    del no_data["data"]
    return {
        "malformed JSON": good[:-5], "an empty body": b"", "a list": b"[]", "no input": b'{"inputs":[]}',
        "inputs that are no list": b'{"inputs":7}', "no inputs": b"{}", "an input without data": json.dumps(
            {"inputs": [no_data]}).encode(),
        "the same input twice": json.dumps({"inputs": json.loads(good)["inputs"] * 2}).encode(),
        "NaN": changed(data=[float("nan"), *data[1:]]), "infinity": changed(data=[float("inf"), *data[1:]]),
        "256 as a pixel": changed(data=[256, *data[1:]]), "-1 as a pixel": changed(data=[-1, *data[1:]]),
        "1.5 as a pixel": changed(data=[1.5, *data[1:]]), "1e400 as a pixel": good.replace(b"[0,", b"[1e400,", 1),
        "a text as a pixel": changed(data=["1", *data[1:]]), "null as a pixel": changed(data=[None, *data[1:]]),
        "too few pixels": changed(data=data[1:]), "too many pixels": changed(data=[*data, 0]),
        "a shape of text": changed(shape="1,1,28,28"), "a negative shape": changed(shape=[-1, 1, 28, 28]),
        "a huge shape": changed(shape=[2**32, 1, 28, 28]),
        "a shape beyond 64 bits": changed(shape=[2**64 + 1, 1, 28, 28]),
        "a shape whose product is beyond 64 bits": changed(shape=[2**62, 4, 28, 28]),
        "very deep JSON": b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "JSON and more": good + b"x", "no UTF-8": good.replace(b"pixels", b"pixel\xff"),
        "bytes announced but not sent": changed(data=data, parameters={"binary_data_size": 784}),
    }


def check_json(checks, scene, server):
    headers, good = http.infer_json([bytes(784)])
    for name, body in json_errors(good.replace(b"[0, ", b"[0,", 1)).items():
        answer = http.ask(server, "POST", "/v2/models/digits/infer", body, headers)
        checks.check(f"infer: {name}", answer.status == 400 and answer.error(), f"{answer.status} {answer.body[:200]}")
    expected = scene.expected["digits", "2"][:2]
    flat = list(b"".join(scene.images[:2]))
    nested = pixels_of(scene.images[:2]).tolist()
    for name, data in {"flat": flat, "nested": nested}.items():
        tensor = {"name": "pixels", "shape": [2, 1, 28, 28], "datatype": "UINT8", "data": data}
        # As others write it: with blanks and an unknown key.
        body = json.dumps({"inputs": [tensor], "id": "é\n\"7", "unknown": {"key": [1, 2.5]}}, indent=1).encode()
        answer = http.ask(server, "POST", "/v2/models/digits/versions/2/infer", body, headers)
        found = http.outputs_of(answer).get("probabilities", []) if answer.status == 200 else []
        checks.check(f"infer: {name} data", len(found) == 2 and answer.json().get("id") == "é\n\"7"
                     and max(map(process.apart, found, expected)) < TOLERANCE, answer.body[:200])


def check_binary(checks, scene, server):
    headers, body = http.infer_binary(scene.images[:3])
    length = dict(headers)["Inference-Header-Content-Length"]
    text, pixels = body[:length], body[length:]

    def asked(name, text, pixels, size=None, status=400):
        size = len(text) if size is None else size
        answer = http.ask(server, "POST", "/v2/models/digits/infer", text + pixels,
                          [("Inference-Header-Content-Length", size)])
        checks.check(f"infer: {name}", answer.status == status and (status == 200 or answer.error()),
                     f"{answer.status} {answer.body[:200]}")

    asked("good bytes", text, pixels, status=200)
    asked("a byte too few", text, pixels[:-1])
    asked("a byte too many", text, pixels + b"x")
    asked("binary_data_size too small", text.replace(b": 2352", b": 2351"), pixels)
    asked("binary_data_size too large", text.replace(b": 2352", b": 2353"), pixels + b"x")
    asked("binary_data_size negative", text.replace(b": 2352", b": -1"), pixels)
    asked("binary_data_size beyond 64 bits", text.replace(b": 2352", b": 18446744073709553968"), pixels)
    asked("a header longer than the body", text, pixels, size=len(body) + 1)
    asked("a header that ends in the middle", text, pixels, size=20)
    asked("a header of no bytes", text, pixels, size=0)
    for size in ("-1", "x", "", "1e2", "99999999999999999999"):
        asked(f"a header of '{size}' bytes", text, pixels, size=size)


def check(checks, scene, server):
    with tritonclient.http.InferenceServerClient(f"{server.host}:{server.port}") as client:
        checks.attempt(check_metadata, scene, client)
        checks.attempt(check_images, scene, client)
        checks.attempt(check_evaluate, scene, client)
        checks.attempt(check_forms, scene, client)
        checks.attempt(check_client_errors, scene, client)
    checks.attempt(check_at_once, scene, server)
    checks.attempt(check_json, scene, server)
    checks.attempt(check_binary, scene, server)
