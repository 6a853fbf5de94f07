"""Good requests and their mutations, for scripts/mutate_http."""

import dataclasses
import json
import re

import serve_http as http
import serve_process as process

NUMBERS = [b"0", b"-1", b"1", b"7", b"255", b"256", b"4294967295", b"4294967296", b"9223372036854775807",
           b"9223372036854775808", b"18446744073709551615", b"18446744073709551616", b"-9223372036854775809", b"1e400",
           b"1e-400", b"NaN", b"Infinity", b"0x10", b"1" * 400, b"0.5", b"", b"00", b"1_0", b" 1", b"\xd9\xa3"]
PATHS = ["/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v2/%00", "/v2/models/m%00/infer", "/v2/models/../m",
         "/v2/models//infer", "//", "/%", "/%4", "/%zz", "/v2/models/%2fm%2f", "/v2/models/m/versions/%31",
         "/" + "a" * 9000, "/" + "a/" * 4000, "/v2/models/" + "%61" * 3000, "/v2/models/\u00e9", "*",
         "http://localhost/v2", "http://", "/?" * 50,
         "/v2/models/m/versions/99999999999999999999", "/v2/models/m/versions/-1", "/predict?" + "a=b&" * 3000,
         "/predict?top_k=" + "9" * 5000, "/predict?=&&==&%=%", "/predict?top_k=1&top_k=2&top_k",
         "/predict?model=%ff%fe",
         "/predict?min_probability=1e999&multi=%31", "/\\..\\..\\", "/v2\x00", "/v2\x7f", "/v2#fragment", "/;a=b"]
LINES = [b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding:\tchunked ",
         b"Content-Length: 5", b"Content-Length: 0", b"Expect: 100-continue", b"Expect: 200-ok", b"Connection: close",
         b"Connection: keep-alive, Upgrade", b"Upgrade: websocket", b"Host:", b"Host: a\x00b",
         b"Content-Encoding: gzip",
         b"Inference-Header-Content-Length: 10", b"Inference-Header-Content-Length: -1", b"Range: bytes=0-0",
         b"Inference-Header-Content-Length: 99999999999999999999", b"Content-Type: multipart/form-data",
         b"Content-Type: multipart/form-data; boundary=", b"Content-Type: multipart/form-data; boundary=\"",
         b"Content-Type: multipart/form-data; boundary=" + b"b" * 5000, b"Authorization: Bearer \xff", b": x", b"X",
         b" x: y",
         b"X: " + b"y" * 70_000, b"X-" + b"y" * 9000 + b": 1", b"X: \x01\x02", b"Accept: " + b"*/*," * 2000]


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: list  # pairs
    body: bytes = b""

    def copy(self):
        return Request(self.method, self.target, list(self.headers), self.body)


def corpus(images):
    """A good request of every kind."""
    found = [Request("GET", page, []) for page in (
        "/", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models", "/v2/models/m", "/v2/models/m/versions/1",
        "/v2/models/m/ready", "/metrics")]
    found += [Request("HEAD", "/v2", []), Request("POST", "/v2/repository/index", [], b"{}")]
    infer = "/v2/models/m/infer"
    nested = {"inputs": [{"name": "pixels", "shape": [1, 1, 28, 28], "datatype": "UINT8",
                          "data": [[[[7] * 28] * 28]], "parameters": {"a": 1}}], "id": "\u00e9\\", "outputs": [
                              {"name": "logits", "parameters": {"binary_data": False}}],
              "parameters": {"b": [None, True]}}
    for headers, body in (http.infer_json(images[:1]), http.infer_json(images[:3], id="x"),
                          http.infer_binary(images[:1]),
                          http.infer_binary(images[:4], ("logits", "probabilities")),
                          ([], json.dumps(nested).encode())):
        found += [Request("POST", infer, headers, body),
                  Request("POST", "/v2/models/m/versions/1/infer", headers, body)]
    drawn, several = process.png(*process.drawn("4")), process.png(*process.drawn("17", 40))
    fixtures = process.REPOSITORY / "tests" / "fixtures" / "images"
    for picture, query in ((process.png(images[0]), ""), (drawn, "?model=m&version=1&top_k=3&show_input=1"),
                           (several, "?multi=1&min_probability=0.5&invert=auto"),
                           ((fixtures / "jpeg_420.jpg").read_bytes(), "?invert=never"),
                           ((fixtures / "rgb_alpha_8_interlaced.png").read_bytes(), "?top_k=10")):
        found.append(Request("POST", f"/predict{query}", [("Content-Type", "image/png")], picture))
        for files in ([("a.png", picture)], [("a.png", picture), ("\u00e9 \\\" b", b"text"), ("", picture)]):
            headers, body = http.multipart(files)
            found.append(Request("POST", f"/predict{query}", headers, body))
    return found


# ---- changes of a request

def target(dice, request):
    request.target = dice.choice([*PATHS, request.target + dice.choice(PATHS), request.target.replace("m", "%6d"),
                                  request.target.upper(), request.target + "/", request.target * 3])


def method(dice, request):
    request.method = dice.choice(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "",
                                  "A" * 9000,
                                  "PO\x00ST", "PATCH"])


def query(dice, request):
    name = dice.choice(["model", "version", "top_k", "multi", "invert", "min_probability", "show_input", "x", ""])
    value = dice.choice(NUMBERS).decode(errors="replace") + dice.choice(["", "%00", "%", "&", "=" * 9, "+"])
    request.target += ("&" if "?" in request.target else "?") + f"{name}={value}"


def header_value(dice, request):
    if request.headers:
        place = dice.randrange(len(request.headers))
        name, value = request.headers[place]
        text = str(value)
        request.headers[place] = name, dice.choice([
            text * 2, text[:-1], text + "1", text.upper(), dice.choice(NUMBERS).decode("latin-1"), "", f'"{text}"',
            text + ";", str(dice.randrange(10 * len(request.body) + 10))])


def json_text(dice, request):
    """The JSON of a request to infer, also where bytes follow it."""
    length = next((int(value) for name, value in request.headers if name.startswith("Inference-Header")
                   and str(value).isdigit()), len(request.body))
    text, rest = request.body[:length], request.body[length:]
    number = dice.choice(NUMBERS)
    depth = dice.choice([10, 1000, 100_000])
    deep = dice.choice([b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth, b'{"a":' * depth + b"1"
                        + b"}" * depth])
    kinds = [b'"UINT8"', b'"FP32"', b'"BYTES"', b'"' + b"U" * 9000 + b'"', b'"\\u0000"', b'"\\ud800"', b"null",
             b'"\xff"']
    change = dice.randrange(6)
    if change == 0:  # some number becomes another one
        found = list(re.finditer(rb"(?<=[\[:, ])\d+", text))
        if found:
            where = dice.choice(found[:dice.choice([5, len(found)])])
            text = text[:where.start()] + number + text[where.end():]
    elif change == 1:  # some value becomes deep
        found = list(re.finditer(rb'(?<=[\[:,]) ?("[^"]*"|\d+)', text))
        if found:
            where = dice.choice(found)
            text = text[:where.start()] + deep + text[where.end():]
    elif change == 2:
        text = re.sub(rb'"UINT8"', lambda _: dice.choice(kinds), text)
    elif change == 3:
        text = re.sub(rb'"shape": \[[^\]]*\]', lambda _: b'"shape": [%s]' % b", ".join(
            dice.choice(NUMBERS[:13]) for _ in range(dice.choice([0, 1, 4, 4, 4, 400]))), text)
    elif change == 4:
        word = dice.choice([b'"inputs"', b'"name"', b'"data"', b'"outputs"', b'"id"', b'"parameters"',
                            b'"binary_data_size"'])
        others = [b'"x"', word + b": 1, " + word, b'"\\u0000"', b'"' + b"n" * 70_000 + b'"', b""]
        text = text.replace(word, dice.choice(others), 1)
    else:
        text = dice.choice([deep, b"", b"null", b"[]", b"{}", b'"' + b"\\" * 9999, text + text, b"\xef\xbb\xbf" + text,
                            b'{"inputs":[' + b",".join([b"{}"] * 50_000) + b"]}", text.replace(b" ", b"\x00")])
    request.body = text + rest
    if dice.random() < 0.8:
        request.headers = [(name, len(text) if name.startswith("Inference-Header") else value)
                           for name, value in request.headers]


def form(dice, request):
    """Boundaries, heads and ends of a form's parts."""
    edge = b"--" + http.BOUNDARY.encode()
    body, change = request.body, dice.randrange(8)
    if change == 0:
        body = body.replace(edge, dice.choice([b"--", edge[:-1], edge + b"x", b"", edge + b"--", b"\r\n" + edge]),
                            dice.choice([1, 9]))
    elif change == 1:
        body = body.replace(edge + b"--\r\n", dice.choice([b"", edge, edge + b"-", edge + b"--" + b"x" * 5000]))
    elif change == 2:
        ends_ = [b"\r\n", b"\n\n", b"", b"\r\n" + b"X: y\r\n" * 5000 + b"\r\n"]
        body = body.replace(b"\r\n\r\n", dice.choice(ends_), 1)
    elif change == 3:
        names = [b'filename="', b"filename=", b"filename*=UTF-8''%zz%00", b'filename="' + b"n" * 70_000, b'name="',
                 b"form-data",
                 b'filename="../../\x00\r\nX: y', b'filename="\\', b'filename="\xff\xfe']
        body = body.replace(b'filename="', dice.choice(names), dice.choice([1, 9]))
    elif change == 4:
        body = body.replace(b"\r\n", b"\n")
    elif change == 5:
        body = (edge + b"\r\n\r\n\r\n") * dice.choice([1, 100, 5000]) + edge + b"--"
    elif change == 6:
        body = edge * dice.choice([1, 2, 5000])
    else:
        body = body * dice.choice([2, 50])
    request.body = body[:900_000]


def picture(dice, request):
    """Bytes of the picture, or its size in a PNG's header."""
    body = bytearray(request.body)
    start = body.find(b"IHDR")
    if start >= 0 and len(body) > start + 21 and dice.random() < 0.5:
        place = start + 4 + dice.randrange(13)
        body[place] = dice.randrange(256)
        if dice.random() < 0.7:  # a right checksum, so that the decoder believes it
            import zlib
            body[start + 17:start + 21] = zlib.crc32(body[start:start + 17]).to_bytes(4, "big")
    else:
        for _ in range(dice.choice([1, 10, 100])):
            if body:
                body[dice.randrange(len(body))] = dice.randrange(256)
    request.body = bytes(body)


def body_size(dice, request):
    request.body = dice.choice([b"", request.body[:dice.randrange(len(request.body) + 1)],
                                request.body + request.body[:100], request.body * 2,
                                bytes(1_048_577), dice.randbytes(1000)])


CHANGES = [target, method, query, header_value, json_text, json_text, form, form, picture, picture, body_size]


# ---- changes of bytes

def serialized(dice, request):
    """The request as bytes, sometimes in chunks, sometimes with a wrong length."""
    start = f"{request.method} {request.target} HTTP/1.1\r\nHost: localhost\r\n".encode("utf-8", "surrogatepass")
    lines = [f"{name}: {value}".encode("utf-8", "surrogatepass") for name, value in request.headers]
    body, form_ = request.body, dice.random()
    if form_ < 0.15:
        lines.append(b"Transfer-Encoding: chunked")
        size = dice.choice([1, 100, 4096, 10**6]) if len(body) < 5000 else 4096
        parts = [body[place:place + size] for place in range(0, len(body), size)]
        wrong = dice.randrange(len(parts) * 3 + 1)  # mostly none
        sizes = [*NUMBERS, b"ffffffffffffffff", b"7fffffffffffffff", b"10000000000000000", b"1;x=" + b"y" * 9000, b"g",
                 b"-1"]
        body = b"".join(b"%b\r\n%b%b" % (dice.choice(sizes) if place == wrong else b"%x" % len(part), part,
                                         dice.choice([b"\r\n"] * 99 + [b"\n"])) for place, part in enumerate(parts))
        body += dice.choice([b"0\r\n\r\n"] * 6 + [b"0\r\nX: y\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 9000 + b"\r\n",
                                                  b"0\r\n", b"", b"00\r\n\r\n"])
    elif body or request.method == "POST":
        length = b"%d" % len(body)
        if form_ > 0.85:
            length = dice.choice([*NUMBERS, b"%d" % (len(body) + dice.choice([-100, -1, 1, 100])),
                                  b"%d, %d" % (len(body), len(body))])
        lines.append(b"Content-Length: " + length)
    if dice.random() < 0.2:
        lines.insert(dice.randrange(len(lines) + 1), dice.choice(LINES))
    if lines and dice.random() < 0.1:
        lines.append(dice.choice(lines))
    if lines and dice.random() < 0.05:
        lines.remove(dice.choice(lines))
    return start + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def bits(dice, content):
    content = bytearray(content)
    # Most of them in the head, which is the small part.
    most = len(content) if dice.random() < 0.3 else min(len(content), 250)
    for _ in range(dice.choice([1, 1, 2, 8]) if most else 0):
        content[dice.randrange(most)] ^= 1 << dice.randrange(8)
    return bytes(content)


def truncate(dice, content):
    return content[:dice.randrange(len(content) + 1)]


def splice(dice, content):
    """A part of it is missing, double, or elsewhere."""
    start, end, place = (dice.randrange(min(len(content), dice.choice([200, 10**9])) + 1) for _ in range(3))
    part = content[min(start, end):max(start, end)]
    return dice.choice([content.replace(part, b"", 1) if part else content, content[:place] + part + content[place:],
                        content[place:] + content[:place]])


def ends(dice, content):
    return content.replace(b"\r\n", dice.choice([b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\r\n\r\n"]),
                           dice.choice([1, 2, 99]))


def noise(dice, content):
    place = dice.randrange(len(content) + 1)
    part = dice.choice([b"\x00", b"\xff" * 9, dice.randbytes(50), b"\r\n\r\n", b"%n%s"])
    return content[:place] + part + content[place:]


RAW = [bits, bits, truncate, splice, ends, noise]


def mutated(dice, requests):
    """The bytes of one request, sometimes with a second one behind it."""
    content = b""
    for _ in range(dice.choice([1] * 9 + [2])):
        request = dice.choice(requests).copy()
        for _ in range(dice.choice([0, 1, 1, 1, 2, 3])):
            dice.choice(CHANGES)(dice, request)
        part = serialized(dice, request)
        if dice.random() < 0.4:
            part = dice.choice(RAW)(dice, part)
        content += part
    return content


def is_complete(content):
    """Whether this certainly begins with a whole request, so that there must be an answer, or the connection must end.

    Reads strictly: what it does not understand is not whole. Then the client ends its half of the connection first."""
    head, end, body = content.partition(http.END)
    lines = head.split(b"\r\n")
    if not end or not re.fullmatch(rb"[A-Z]+ /[!-~]* HTTP/1\.1", lines[0]) or len(head) > 8000:
        return False
    lengths = []
    for line in lines[1:]:
        found = re.fullmatch(rb"([A-Za-z-]+): ([ -~]*)", line)
        if not found or found[1].lower() in (b"transfer-encoding", b"expect", b"upgrade"):
            return False
        if found[1].lower() == b"content-length":
            lengths.append(found[2])
    if not lengths:
        return True
    return len(lengths) == 1 and bool(re.fullmatch(rb"\d{1,9}", lengths[0])) and int(lengths[0]) <= len(body)
