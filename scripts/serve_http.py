"""HTTP/1.1 as bytes, and the Open Inference Protocol in it: for scripts that ask `mnist serve` without a library."""

import dataclasses
import json
import re
import socket
import struct

END = b"\r\n\r\n"
BOUNDARY = "----a-boundary-7d1f"
SHAPE = (1, 28, 28)


class Broken(Exception):
    """What came is no whole answer."""


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # names in small letters
    body: bytes

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]

    def keeps(self):
        """Whether the connection goes on."""
        return self.headers.get("connection", "").lower() != "close"

    def error(self):
        """The text of an error object, or None."""
        try:
            text = self.json()["error"]
        except (ValueError, KeyError, TypeError):
            return None
        return text if isinstance(text, str) and text else None


def request(method, target, body=b"", headers=(), version="HTTP/1.1"):
    """`headers` are pairs. A body, even an empty one of a POST, has its length."""
    head = [f"{method} {target} {version}", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    if body or method in ("POST", "PUT"):
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + END + body


def chunked(method, target, parts, headers=()):
    head = [f"{method} {target} HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked",
            *(f"{name}: {value}" for name, value in headers)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return "\r\n".join(head).encode() + END + body


def multipart(files):
    """Headers and body for pairs of name and content."""
    body = b""
    for name, content in files:
        body += (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n").encode() + content + b"\r\n"
    return [("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")], body + f"--{BOUNDARY}--\r\n".encode()


def infer_json(images, name="pixels", datatype="UINT8", **more):
    """Headers and body with the pixels as one list."""
    tensor = {"name": name, "shape": [len(images), *SHAPE], "datatype": datatype, "data": list(b"".join(images))}
    return [("Content-Type", "application/json")], json.dumps({"inputs": [tensor], **more}).encode()


def infer_binary(images, outputs=("probabilities",), **more):
    """Headers and body with the pixels as bytes, and answers as bytes."""
    pixels = b"".join(images)
    tensor = {"name": "pixels", "shape": [len(images), *SHAPE], "datatype": "UINT8",
              "parameters": {"binary_data_size": len(pixels)}}
    wanted = [{"name": output, "parameters": {"binary_data": True}} for output in outputs]
    text = json.dumps({"inputs": [tensor], "outputs": wanted, **more}).encode()
    return [("Content-Type", "application/octet-stream"), ("Inference-Header-Content-Length", len(text))], text + pixels


def outputs_of(answer):
    """The rows of each output tensor of an answer to infer, by name."""
    length = answer.headers.get("inference-header-content-length")
    text = answer.body if length is None else answer.body[:int(length)]
    rest, result = answer.body[len(text):], {}
    for tensor in json.loads(text)["outputs"]:
        count, width = tensor["shape"]
        size = tensor.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = tensor["data"]
        elif size != 4 * count * width or size > len(rest):
            raise Broken(f"{size} bytes for the shape {count}, {width}")
        else:
            values, rest = struct.unpack(f"<{count * width}f", rest[:size]), rest[size:]
        if tensor["datatype"] != "FP32" or len(values) != count * width:
            raise Broken(f"{tensor['datatype']} with {len(values)} values")
        result[tensor["name"]] = [list(values[start:start + width]) for start in range(0, len(values), width)]
    if rest:
        raise Broken(f"{len(rest)} bytes more than the tensors have")
    return result


def parse_head(text):
    """Status and headers."""
    first, *lines = text.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.[01] (\d{3}) [^\r\n]*", first)
    if not found:
        raise Broken(f"the answer begins with {first[:80]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise Broken(f"the answer has the header line {line[:80]!r}")
        headers[name.lower()] = value.strip()
    return int(found[1]), headers


def body_length(status, headers, head):
    """Of an answer: a number, or None if it ends with the connection."""
    if head or status < 200 or status in (204, 304):
        return 0
    if "transfer-encoding" in headers:
        raise Broken("the answer is in chunks")
    length = headers.get("content-length")
    if length is not None and not length.isdigit():
        raise Broken(f"the answer has Content-Length {length!r}")
    return None if length is None else int(length)


class Connection:
    """A blocking connection."""

    def __init__(self, server, timeout=15.0):
        self.socket = socket.create_connection((server.host, server.port), timeout)
        self.rest = b""

    def send(self, content):
        self.socket.sendall(content)
        return self

    def more(self):
        part = self.socket.recv(65536)
        self.rest += part
        return bool(part)

    def answer(self, head=False):
        """The next answer, also an interim one (100)."""
        while END not in self.rest:
            if not self.more():
                raise Broken(f"the connection ended after {len(self.rest)} bytes of an answer")
        text, _, self.rest = self.rest.partition(END)
        status, headers = parse_head(text)
        length = body_length(status, headers, head)
        while length is None or len(self.rest) < length:
            if not self.more():
                if length is None:
                    break
                raise Broken(f"the connection ended after {len(self.rest)} of {length} bytes of a body")
        length = len(self.rest) if length is None else length
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(status, headers, body)

    def ends(self, seconds):
        """Whether the server closes the connection within this time, with nothing more to say."""
        self.socket.settimeout(seconds)
        try:
            return not self.rest and self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(server, method, target, body=b"", headers=()):
    """One request on its own connection."""
    with Connection(server) as connection:
        return connection.send(request(method, target, body, headers)).answer(head=method == "HEAD")


async def read_answer(reader):
    """The same with asyncio's streams."""
    import asyncio
    try:
        text = await reader.readuntil(END)
        status, headers = parse_head(text[:-len(END)])
        length = body_length(status, headers, False)
        body = await (reader.read() if length is None else reader.readexactly(length))
    except asyncio.IncompleteReadError as problem:
        raise Broken(f"the connection ended after {len(problem.partial)} bytes") from problem
    return Answer(status, headers, body)
