"""/predict of mnist serve for check_serve.py: pictures sent by curl must get the answers of mnist infer."""

import base64
import io
import json
import subprocess

import numpy
import PIL.Image

import serve_process as process

TOLERANCE = 1e-6
FIXTURES = process.REPOSITORY / "tests" / "fixtures" / "images"


def curl(server, query, *arguments):
    """Status, content type and body."""
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", "--write-out",
                           "\n%{http_code} %{content_type}", *map(str, arguments), f"{server.url}/predict{query}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError(f"curl: {done.stderr.decode()}")
    body, _, last = done.stdout.rpartition(b"\n")
    status, _, kind = last.decode().partition(" ")
    return int(status), kind, body.decode()


def same(found, expected, exact=True):
    """Whether two answers are the same, but for what only one of both programs says."""
    if isinstance(found, dict) and isinstance(expected, dict):
        own = ("path", "note", "inputs", "model", "version", "sha256")
        some, others = ({key for key in one if key not in own} for one in (found, expected))
        return some == others and all(same(found[key], expected[key], exact) for key in some)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(lambda one, other: same(one, other, exact), found, expected))
    if isinstance(found, str) and isinstance(expected, str):
        # The option has another form in an address.
        return found == expected.replace("--multi ", "multi=1 ")
    if isinstance(found, float) and isinstance(expected, float) and not exact:
        return abs(found - expected) < TOLERANCE
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def make_pictures(scene):
    """Files by name."""
    folder = scene.folder / "pictures"
    folder.mkdir()

    def jpeg(pixels, width):
        content = io.BytesIO()
        PIL.Image.frombytes("L", (width, len(pixels) // width), pixels).convert("RGB").save(content, "JPEG", quality=95)
        return content.getvalue()

    pixels, width = process.drawn("7")
    content = {
        "item.png": process.png(scene.images[0]), "four.png": process.png(*process.drawn("4")),
        "seven.jpg": jpeg(*process.drawn("7")), "several.png": process.png(*process.drawn("1407")),
        "several.jpg": jpeg(*process.drawn("204")), "empty.png": process.png(*process.empty_page()),
        # A digit that the upper edge cuts.
        "edge.png": process.png(pixels[30 * width:], width),
        "a name, \"quoted\"; é.png": process.png(*process.drawn("2")),
        "broken.png": process.png(*process.drawn("4"))[:-40], "text.txt": b"4\n", "nothing.png": b"",
    }
    for name, body in content.items():
        (folder / name).write_bytes(body)
    return {name: folder / name for name in content}


def check_one(checks, scene, server, files):
    """A picture as the body and as a form, with different options, exactly as mnist infer prints it."""
    newest = scene.files["digits", "2"]
    options = {
        "": [], "top_k=3": ["--top-k", 3], "multi=1": ["--multi"], "invert=never": ["--invert", "never"],
        "invert=always&top_k=10": ["--invert", "always", "--top-k", 10],
        "min_probability=0.999": ["--min-probability", .999],
        "multi=1&min_probability=0.999&top_k=2": ["--multi", "--min-probability", .999, "--top-k", 2],
    }
    for query, infer_options in options.items():
        for name in ("item.png", "four.png", "seven.jpg", "several.png", "several.jpg", "empty.png"):
            expected, = process.infer(scene.mnist, scene.folder, newest, [files[name]], *infer_options)
            query_text = f"?model=digits&{query}" if query else "?model=digits"
            answers = {"body": curl(server, query_text, "--data-binary", f"@{files[name]}", "-H",
                                    "Content-Type: image/png"),
                       name: curl(server, query_text, "-F", f"image=@{files[name]}")}
            for path, (status, kind, body) in answers.items():
                found = json.loads(body)
                checks.check(f"/predict: {name} as {'body' if path == 'body' else 'form'} {query}",
                             status == 200 and kind.startswith("application/json") and found["path"] == path
                             and same(found, expected), f"{status} {kind} {body[:300]} instead of {expected}")


def check_models(checks, scene, server, files):
    for (name, version), file in scene.files.items():
        expected, = process.infer(scene.mnist, scene.folder, file, [files["four.png"]])
        status, _, body = curl(server, f"?model={name}&version={version}", "--data-binary", f"@{files['four.png']}")
        checks.check(f"/predict: {name} {version}", status == 200 and same(json.loads(body), expected), body)
    expected, = process.infer(scene.mnist, scene.folder, scene.files["digits", "2"], [files["four.png"]])
    for query in ("?model=dig%69ts&top_k=%31", "?mod%65l=digits"):
        status, _, body = curl(server, query, "--data-binary", f"@{files['four.png']}")
        checks.check(f"/predict: percent signs in {query}", status == 200 and same(json.loads(body), expected), body)


def check_several(checks, scene, server, files):
    newest = scene.files["digits", "2"]
    names = ["several.png", "broken.png", "seven.jpg", "a name, \"quoted\"; é.png", "text.txt", "empty.png"]
    # Inside of quotes, curl takes any name of a file.
    forms = [argument for name in names
             for argument in ("-F", f"a=@\"{str(files[name]).replace(chr(34), chr(92) + chr(34))}\"")]
    status, kind, body = curl(server, "?model=digits&top_k=2", *forms)
    lines = [json.loads(line) for line in body.splitlines()]
    checks.check("/predict: several pictures, a line for each, in order", status == 200
                 and kind.startswith("application/x-ndjson") and len(lines) == len(names),
                 f"{status} {kind} {body[:500]}")
    for name, found in zip(names, lines):
        plain = name.isascii()  # how curl writes other names differs between its versions
        if name in ("broken.png", "text.txt"):
            good = set(found) == {"path", "error", "hint"} and found["error"] and found["hint"]
        else:
            expected, = process.infer(scene.mnist, scene.folder, newest, [files[name]], "--top-k", 2)
            good = same(found, expected, exact=False)
        checks.check(f"/predict: {name} among several", good and (found["path"] == name or not plain), found)

    pictures = sorted([*FIXTURES.glob("*.png"), *FIXTURES.glob("*.jpg")])
    expected = process.infer(scene.mnist, scene.folder, scene.files["lenet", "1"], pictures, "--top-k", 10)
    for query, some in {"at once": pictures, "two": pictures[:2]}.items():
        forms = [argument for file in some for argument in ("-F", f"a=@{file}")]
        _, _, body = curl(server, "?model=lenet&top_k=10", *forms)
        lines = [json.loads(line) for line in body.splitlines()]
        wrong = [file.name for file, found, right in zip(some, lines, expected) if not same(found, right, exact=False)]
        checks.check(f"/predict: {len(some)} pictures of all kinds {query}", len(lines) == len(some) and not wrong,
                     wrong)
    wrong = []
    for file, right in zip(pictures, expected):
        status, _, body = curl(server, "?model=lenet&top_k=10", "--data-binary", f"@{file}")
        if status != 200 or not same(json.loads(body), right, exact=False):
            wrong.append(f"{file.name}: {body[:100]}")
    checks.check(f"/predict: {len(pictures)} pictures of all kinds, one by one", not wrong, wrong)


def check_note(checks, scene, server, files):
    """A picture that may be read wrongly: mnist infer warns of it."""
    for name in ("edge.png", "four.png"):
        warned = subprocess.run([scene.mnist, "infer", "--model", scene.files["digits", "2"], files[name]],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=scene.folder).stderr
        _, _, body = curl(server, "?model=digits", "--data-binary", f"@{files[name]}")
        note = json.loads(body).get("note")
        checks.check(f"/predict: a note for {name} if mnist infer warns of it",
                     bool(note) == (name in warned) and (note is None or isinstance(note, str)), f"{note!r}, {warned}")


def check_inputs(checks, scene, server, files):
    """What the network saw is what mnist infer shows."""
    for name, query, options in (("four.png", "", []), ("several.png", "&multi=1", ["--multi"])):
        place = scene.folder / f"shown-{name}"
        process.infer(scene.mnist, scene.folder, scene.files["digits", "2"], [files[name]], "--show-input", place,
                      *options)
        _, _, body = curl(server, f"?model=digits&show_input=1{query}", "--data-binary", f"@{files[name]}")
        expected = [numpy.asarray(PIL.Image.open(file)) for file in sorted(place.glob("*.png"))]
        found = []
        for text in json.loads(body).get("inputs", []):
            kind, _, content = text.partition(",")
            assert kind == "data:image/png;base64", kind
            found.append(numpy.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(content, validate=True)))))
        checks.check(f"/predict: show_input of {name}", len(found) == len(expected) and expected
                     and all(map(numpy.array_equal, found, expected)), f"{len(found)} and {len(expected)} pictures")


def check_errors(checks, scene, server, files):
    four = ["--data-binary", f"@{files['four.png']}"]

    def refused(name, status, query, *arguments, hint=False):
        found, _, body = curl(server, query, *arguments)
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        checks.check(f"/predict: {name}", found == status and isinstance(said.get("error"), str) and said["error"]
                     and (not hint or said.get("hint")), f"{found} {body[:300]}")

    for name in ("broken.png", "text.txt", "nothing.png"):
        for how, arguments in {"body": ["--data-binary", f"@{files[name]}"],
                               "form": ["-F", f"a=@{files[name]}"]}.items():
            # A body of nothing has no picture of which a hint could say something.
            refused(f"{name} as {how}", 400, "?model=digits", *arguments, hint=(name, how) != ("nothing.png", "body"))
    refused("unknown model", 404, "?model=letters", *four)
    refused("unknown version", 404, "?model=digits&version=9", *four)
    for query in ("top_k=0", "top_k=x", "top_k=-1", "top_k=99999999999999999999", "invert=maybe", "min_probability=2",
                  "min_probability=nan", "multi=maybe", "version=x", "topk=3"):
        refused(query, 404 if query == "version=x" else 400, f"?model=digits&{query}", *four)
    refused("a form without a file", 400, "?model=digits", "-F", "a=text")
    refused("a form without its boundary", 400, "?model=digits", *four, "-H", "Content-Type: multipart/form-data")
    refused("a form with another boundary", 400, "?model=digits", *four, "-H",
            "Content-Type: multipart/form-data; boundary=x")


def check_photo(checks, scene):
    photo = FIXTURES / "photo.png"
    expected, = process.infer(scene.mnist, scene.folder, scene.photo_model, [photo], "--top-k", 5)
    with scene.start(models=[f"photos={scene.photo_model}"]) as server:
        status, _, body = curl(server, "?top_k=5", "-F", f"a=@{photo}")
        checks.check("/predict: a photo", status == 200 and same(json.loads(body), expected), body[:300])


def check(checks, scene, server):
    files = make_pictures(scene)
    checks.attempt(check_one, scene, server, files)
    checks.attempt(check_models, scene, server, files)
    checks.attempt(check_several, scene, server, files)
    checks.attempt(check_note, scene, server, files)
    checks.attempt(check_inputs, scene, server, files)
    checks.attempt(check_errors, scene, server, files)
    if scene.photo_model:
        checks.attempt(check_photo, scene)
