"""HTTP of mnist serve for check_serve.py, as bytes on a connection: what clients do, and what none should."""

import http.client as python_http
import re

import serve_http as http
import serve_process as process

TOLERANCE = 1e-6
INFER = "/v2/models/digits/infer"
PAGES = ["/", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models", "/v2/models/digits",
         "/v2/models/digits/versions/1", "/v2/models/digits/ready", "/v2/models/digits/versions/2/ready", "/metrics"]


def good_infer(scene, count=1):
    """A request, and whether an answer to it is right."""
    headers, body = http.infer_json(scene.images[:count])

    def right(answer):
        if answer.status != 200:
            return False
        rows, expected = http.outputs_of(answer)["probabilities"], scene.expected["digits", "2"][:count]
        return len(rows) == count and max(map(process.apart, rows, expected)) < TOLERANCE

    return headers, body, right


def check_pages(checks, server):
    """GET and HEAD of everything that has no body to send."""
    for page in PAGES:
        found = http.ask(server, "GET", page)
        head = http.ask(server, "HEAD", page)
        kinds = {"/": "text/html", "/metrics": "text/plain"}
        empty = "health" in page or page.endswith("ready")
        checks.check(f"GET {page}", found.status == 200 and "content-length" in found.headers
                     and (found.body == b"" if empty else
                          found.headers.get("content-type", "").startswith(kinds.get(page, "application/json"))),
                     f"{found.status} {found.headers} {found.body[:200]}")
        # Metrics have other numbers a moment later.
        checks.check(f"HEAD {page}", head.status == 200 and (page == "/metrics" or head.headers.get("content-length")
                                                             == found.headers.get("content-length")), head.headers)
    models = {(one["name"], version) for one in http.ask(server, "GET", "/v2/models").json()["models"]
              for version in one["versions"]}
    checks.check("GET /v2/models: all models", models == {("digits", "1"), ("digits", "2"), ("lenet", "1")}, models)
    page = http.ask(server, "GET", "/").body.decode()
    outside = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//[^\"' >]+", page)
    checks.check("GET /: a page that loads nothing from elsewhere", "<html" in page.lower() and not outside, outside)


def check_routes(checks, server):
    for method, target, status in [
            ("GET", "/nothing", 404), ("POST", "/nothing", 404), ("GET", "/v2/models/letters", 404),
            ("GET", "/v2/models/digits/versions/3", 404), ("GET", "/v2/models/digits/versions/x", 404),
            ("POST", "/v2/models/digits/versions/3/infer", 404), ("GET", "/../etc/passwd", 404),
            ("GET", "/v2/%00", 404),
            ("GET", "/v2/models/%64igits", 200), ("GET", "/v2?a=b", 200), ("GET", "/v2/models/digits/nothing", 404),
            ("GET", "/predict", 405), ("PUT", "/predict", 405), ("POST", "/v2", 405),
            ("DELETE", "/v2/models/digits", 405),
            ("GET", INFER, 405), ("GET", "/v2/repository/index", 405), ("POST", "/metrics", 405), ("POST", "/", 405),
            ("POST", "/v2/health/live", 405)]:
        answer = http.ask(server, method, target)
        allowed = {word.strip() for word in answer.headers.get("allow", "").split(",")}
        fine = answer.status == status and (status == 200 or answer.error())
        if status == 405:
            fine = fine and allowed >= ({"POST"} if target in ("/predict", INFER, "/v2/repository/index") else {"GET"})
        checks.check(f"{method} {target}: {status}", fine and method not in allowed,
                     f"{answer.status} {answer.headers} {answer.body[:200]}")


def check_paths(checks, scene):
    """Targets that are no usual path are answered, and do no harm."""
    for target in ("//", "?", "#", "http://", "http://localhost", "//v2", "*", "/%", "/%00", "/;", "/v2//models", "/?"):
        with scene.start() as server:
            try:
                status = http.ask(server, "GET", target).status
            except (http.Broken, OSError) as problem:
                status = problem
            checks.check(f"GET {target}: an answer", status in (200, 400, 404) and server.alive(), status)


def check_connections(checks, scene, server):
    headers, body, right = good_infer(scene)
    whole = http.request("POST", INFER, body, headers)
    with http.Connection(server) as connection:
        answers = [connection.send(whole).answer() for _ in range(5)]
        checks.check("keep-alive: five requests on a connection", all(map(right, answers)) and answers[-1].keeps())
        answers = [connection.send(http.request(method, "/v2")).answer(method == "HEAD")
                   for method in ("HEAD", "GET", "HEAD")]
        checks.check("keep-alive: HEAD and GET in turn", [len(one.body) > 0 for one in answers] == [False, True, False])
        connection.send(http.request("GET", "/nothing"))
        checks.check("keep-alive: goes on after 404", connection.answer().status == 404
                     and right(connection.send(whole).answer()))
    with http.Connection(server) as connection:
        connection.send(whole + http.request("GET", "/v2") + whole)
        answers = [connection.answer() for _ in range(3)]
        checks.check("pipelining: three requests at once, answers in order", right(answers[0])
                     and answers[1].json()["name"] == "mnist" and right(answers[2]))
    with http.Connection(server) as connection:
        for start in range(0, len(whole), max(1, len(whole) // 40)):
            connection.send(whole[start:start + max(1, len(whole) // 40)])
        checks.check("a request in 40 pieces", right(connection.answer()))
    with http.Connection(server) as connection:
        answer = connection.send(http.request("POST", INFER, body, [*headers, ("Connection", "close")])).answer()
        checks.check("Connection: close", right(answer) and not answer.keeps() and connection.ends(2))
    with http.Connection(server) as connection:
        connection.send(whole)
        connection.socket.shutdown(1)
        checks.check("a client that sends no more still gets its answer", right(connection.answer())
                     and connection.ends(2))


def check_chunks(checks, scene, server):
    headers, body, right = good_infer(scene)
    for name, parts in {"one": [body], "many": [body[start:start + 7] for start in range(0, len(body), 7)]}.items():
        with http.Connection(server) as connection:
            whole = http.chunked("POST", INFER, parts, headers)
            answers = [connection.send(whole).answer() for _ in range(2)]
            checks.check(f"chunked upload, {name} of them, twice", all(map(right, answers)), answers[0].body[:200])
    whole = http.chunked("POST", INFER, [body], headers)
    start = http.END + b"%x\r\n" % len(body)
    for name, content in {"a size in capitals and zeros": whole.replace(start, http.END + b"00%X\r\n" % len(body)),
                          "a trailer": whole[:-2] + b"X-Trailer: value\r\n\r\n"}.items():
        with http.Connection(server) as connection:
            try:
                fine, said = all(right(connection.send(content).answer()) for _ in range(2)), ""
            except (http.Broken, OSError) as problem:
                fine, said = False, problem
            checks.check(f"chunked upload with {name}, twice", fine, said)

    def generator():
        yield body[:100]
        yield body[100:]

    client = python_http.HTTPConnection(server.host, server.port, timeout=15)
    client.request("POST", INFER, generator(), dict(headers), encode_chunked=True)
    answer = client.getresponse()
    checks.check("chunked upload by Python's http.client", answer.status == 200, answer.read()[:200])
    client.close()


def check_expect(checks, scene, server):
    headers, body, right = good_infer(scene)
    expect = [*headers, ("Expect", "100-continue")]
    whole = http.request("POST", INFER, body, expect)
    head, _ = whole.split(http.END, 1)
    with http.Connection(server) as connection:
        interim = connection.send(head + http.END).answer()
        answer = connection.send(body).answer()
        checks.check("Expect: 100-continue, then the body", interim.status == 100 and right(answer), answer.body[:200])
    with http.Connection(server) as connection:
        answer = connection.send(whole).answer()
        if answer.status == 100:
            answer = connection.answer()
        checks.check("Expect: 100-continue, with the body at once", right(answer), answer.body[:200])
        answer = connection.send(http.request("GET", "/v2")).answer()
        checks.check("Expect: the connection goes on", answer.status == 200)


def check_old(checks, scene, server):
    headers, body, right = good_infer(scene)
    whole = http.request("POST", INFER, body, headers, version="HTTP/1.0").replace(b"Host: localhost\r\n", b"")
    with http.Connection(server) as connection:
        answer = connection.send(whole).answer()
        checks.check("HTTP/1.0: an answer, and the connection ends", right(answer) and connection.ends(2),
                     answer.body[:200])
    with http.Connection(server) as connection:
        kept = whole.replace(http.END, b"\r\nConnection: keep-alive" + http.END, 1)
        answer = connection.send(kept).answer()
        fine = right(answer)
        if answer.headers.get("connection", "").lower() == "keep-alive":
            fine = fine and right(connection.send(kept).answer())
        checks.check("HTTP/1.0 with keep-alive", fine, answer.body[:200])
    with http.Connection(server) as connection:
        answer = connection.send(b"GET /v2 HTTP/1.1\r\nHOST:localhost:1\r\nX-Empty:\r\nX-Tab:\tvalue \r\n\r\n").answer()
        checks.check("other forms of header lines", answer.status == 200, answer.body[:200])
    with http.Connection(server) as connection:
        answer = connection.send(f"GET {server.url}/v2 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).answer()
        checks.check("a whole URL in the first line", answer.status == 200, answer.body[:200])


def bad_requests():
    """Bytes that are no request, by name: an error, and the connection ends, for what follows could be anything.

    Not here: what RFC 9112 lets a server repair, such as folded header lines."""
    get, post = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n", b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
    chunks = post + b"Transfer-Encoding: chunked\r\n\r\n"
    return {
        "no Host": b"GET /v2 HTTP/1.1\r\n\r\n", "two of Host": get + b"Host: other\r\n\r\n",
        "garbage": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "no version": b"GET /v2\r\nHost: localhost\r\n\r\n",
        "a header line without colon": get + b"X-Header\r\n\r\n",
        "a blank before a colon": get + b"X-Header : 1\r\n\r\n",
        "two lengths": post + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "a list of lengths": post + b"Content-Length: 3, 4\r\n\r\nabcd",
        "a negative length": post + b"Content-Length: -1\r\n\r\n",
        "a length with a sign": post + b"Content-Length: +3\r\n\r\nabc",
        "a length in hexadecimal": post + b"Content-Length: 0x3\r\n\r\nabc",
        "no length of a number": post + b"Content-Length:\r\n\r\n",
        "a length beyond 64 bits": post + b"Content-Length: 18446744073709551619\r\n\r\nabc",
        "length and chunks": post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "an unknown transfer coding": post + b"Transfer-Encoding: gzip\r\n\r\n",
        "chunked twice": post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a chunk size that is no number": chunks + b"x\r\nabc\r\n0\r\n\r\n",
        "a negative chunk size": chunks + b"-3\r\nabc\r\n0\r\n\r\n", "no chunk size": chunks + b"\r\nabc\r\n0\r\n\r\n",
        "a chunk size beyond 64 bits": chunks + b"10000000000000003\r\nabc\r\n0\r\n\r\n",
        "a chunk longer than its size": chunks + b"2\r\nabc\r\n0\r\n\r\n",
    }


def check_bad(checks, server):
    """--request-timeout 1: a size that is too large may look like one that is still to come."""
    for name, content in bad_requests().items():
        with http.Connection(server) as connection:
            try:
                answer = connection.send(content).answer()
                # 408, 413 and 501 say more exactly what is wrong with some of them.
                fine = answer.status in (400, 408, 413, 501, 505) and connection.ends(3)
                said = f"{answer.status} {answer.headers} {answer.body[:200]}"
            except (http.Broken, OSError) as problem:
                fine, said = False, problem
            checks.check(f"bad request: {name}", fine, said)
    for name, content in {"a target of 100 kB": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                          "a header of 1 MB": b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000
                          + http.END,
                          "10,000 header lines": b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 10_000
                          + b"\r\n"}.items():
        with http.Connection(server) as connection:
            try:
                answer = connection.send(content).answer()
                fine = answer.status in (400, 413, 414, 431)
                said = f"{answer.status} {answer.body[:200]}"
            except ConnectionError as problem:  # it may stop reading
                fine, said = True, problem
            checks.check(f"bad request: {name}", fine and server.alive(), said)
    for method in ("BREW", "get", "G" * 1000):
        answer = http.ask(server, method, "/v2")
        checks.check(f"method {method[:10]}: refused", answer.status in (400, 405, 501), answer.status)


def check(checks, scene, server):
    checks.attempt(check_pages, server)
    checks.attempt(check_routes, server)
    checks.attempt(check_connections, scene, server)
    checks.attempt(check_chunks, scene, server)
    checks.attempt(check_expect, scene, server)
    checks.attempt(check_old, scene, server)
    checks.attempt(check_paths, scene)
    with scene.start("--request-timeout", "1") as impatient:
        checks.attempt(check_bad, impatient)
