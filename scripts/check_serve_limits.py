"""Limits, keys, the access log, signals and wrong options of mnist serve, for check_serve.py."""

import re
import signal
import socket
import subprocess
import threading
import time

import tritonclient.http
from tritonclient.utils import InferenceServerException

import serve_http as http
import serve_process as process
from check_serve_http import INFER, good_infer

OPEN_PAGES = ["/", "/v2/health/live", "/v2/health/ready"]
POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
MIB = 1 << 20


def check_key(checks, scene):
    key = scene.folder / "key.txt"
    key.write_text("a-Key,with=Signs\nanother-line\n")
    headers, body, right = good_infer(scene)
    secret = "a-Key,with=Signs"
    with scene.start("--api-key-file", key) as server:
        for page in OPEN_PAGES:
            checks.check(f"key: {page} is open", http.ask(server, "GET", page).status == 200)
        for page in ("/v2", "/v2/models", "/metrics", "/nothing"):
            checks.check(f"key: {page} is closed", http.ask(server, "GET", page).status == 401)
        for name, line in {"none": [], "a wrong one": [("Authorization", "Bearer a-Key")],
                           "a longer one": [("X-API-Key", secret + "x")], "an empty one": [("X-API-Key", "")],
                           "the second line": [("X-API-Key", "another-line")],
                           "another scheme": [("Authorization", f"Basic {secret}")]}.items():
            answer = http.ask(server, "POST", INFER, body, [*headers, *line])
            checks.check(f"key: {name}", answer.status == 401 and answer.error() and secret not in answer.body.decode()
                         and "www-authenticate" in answer.headers,
                         f"{answer.status} {answer.headers} {answer.body[:200]}")
        for line in (("Authorization", f"Bearer {secret}"), ("X-API-Key", secret), ("x-api-key", secret),
                     ("authorization", f"Bearer {secret}"), ("Authorization", f"bearer {secret}")):
            checks.check(f"key: {line[0]}: {line[1]}", right(http.ask(server, "POST", INFER, body, [*headers, line])))
        with tritonclient.http.InferenceServerClient(f"{server.host}:{server.port}") as client:
            given = client.get_server_metadata(headers={"Authorization": f"Bearer {secret}"})["name"]
            try:
                client.get_server_metadata()
                refused = False
            except InferenceServerException as problem:
                refused = problem.status() == "401"
        checks.check("key: tritonclient with and without it", given == "mnist" and refused)
        checks.check("key: not in the log", secret not in server.said())


def check_size(checks, server):
    """--max-body 1, --request-timeout 1 and --idle-timeout 2."""
    with http.Connection(server) as connection:
        connection.send(POST + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n")
        answer = connection.answer()
        # libevent waits for the body, so that clients that do not wait for "continue" get the answer.
        checks.check("a body that is too large is refused before it is sent", answer.status == 408 and answer.error(),
                     f"{answer.status} {answer.body[:200]}")
    for name, content in {"with a length": http.request("POST", "/predict", b"x" * 2 * MIB),
                          "in chunks": http.chunked("POST", "/predict", [b"x" * 65536] * 32)}.items():
        with http.Connection(server) as connection:
            # A client that still sends need not see the answer; most do if the server reads on for a moment.
            try:
                connection.socket.sendall(content)
            except ConnectionError:
                pass
            try:
                status = connection.answer().status
            except (http.Broken, OSError) as problem:
                status = problem
            checks.check(f"a body that is too large, {name}", status == 413, status)
    answer = http.ask(server, "POST", "/predict", b"x" * (MIB - 10))
    checks.check("a body of nearly the largest size is read", answer.status == 400 and answer.error(), answer.status)


def timed(connection, content):
    """What a connection says after this, and after how many seconds it ends."""
    begin = time.monotonic()
    connection.send(content)
    try:
        answer = connection.answer()
        connection.ends(10)
        return answer.status, time.monotonic() - begin
    except (http.Broken, OSError):
        return None, time.monotonic() - begin


def check_time(checks, server):
    for name, content in {"half of the header lines": b"GET /v2 HTTP/1.1\r\nHost: loc",
                          "half of a body": POST + b"Content-Length: 9\r\n\r\nabc", "half of the chunks":
                          POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}.items():
        with http.Connection(server) as connection:
            status, seconds = timed(connection, content)
            checks.check(f"{name}: 408 after --request-timeout 1", status == 408 and 0.8 <= seconds <= 3,
                         f"{status} after {seconds:.1f} s")
    with http.Connection(server) as connection:
        connection.send(http.request("GET", "/v2")).answer()
        begin = time.monotonic()
        ended = connection.ends(10)
        seconds = time.monotonic() - begin
        checks.check("an idle connection ends after --idle-timeout 2, with no answer", ended and 1.5 <= seconds <= 4,
                     f"{seconds:.1f} s")


def check_many(checks, server):
    """--max-connections 8: more connections wait, and do no harm."""
    some = [http.Connection(server) for _ in range(8)]
    for connection in some:
        connection.send(b"GET /v2 HTTP/1.1\r\nHo")
    statuses = []
    for _ in range(4):
        try:
            with http.Connection(server, timeout=0.5) as connection:
                statuses.append(connection.send(http.request("GET", "/v2")).answer().status)
        except (http.Broken, OSError) as problem:
            statuses.append(type(problem).__name__)
    checks.check("more than --max-connections 8: none is served", 200 not in statuses, statuses)
    fine = all(connection.send(b"st: localhost\r\n\r\n").answer().status == 200 for connection in some)
    checks.check("more than --max-connections 8: the others go on", fine)
    with http.Connection(server) as waiting:
        waiting.send(http.request("GET", "/v2"))
        some.pop().close()
        checks.check("more than --max-connections 8: a waiting one is served when another one ends",
                     waiting.answer().status == 200)
    for connection in some:
        connection.close()


def check_flood(checks, scene, server):
    """--max-body 1: a client sends requests without end and reads no answer. It alone must suffer."""
    headers, body, right = good_infer(scene)
    before, wrong, most, over = server.resident(), [], [0], threading.Event()

    def good():
        while not over.is_set():
            try:
                with http.Connection(server) as connection:
                    for _ in range(50):
                        if not right(connection.send(http.request("POST", INFER, body, headers)).answer()):
                            wrong.append("a wrong answer")
                        most[0] = max(most[0], server.resident())
                        time.sleep(0.002)
            except (http.Broken, OSError) as problem:
                wrong.append(problem)

    thread = threading.Thread(target=good)
    thread.start()
    sent = 0
    with http.Connection(server, timeout=3) as greedy:
        try:
            while sent < 400 * MIB:
                sent += greedy.socket.send(http.request("GET", "/") * 1000)
        except OSError:
            pass  # the server reads no more, or has ended the connection
    over.set()
    thread.join()
    checks.check("a client that floods and reads nothing: the others have their answers", not wrong,
                 f"{len(wrong)} times, {wrong[:2]}")
    checks.check("a client that floods and reads nothing: at most 32 MiB", most[0] - before < 32,
                 f"{most[0] - before:.0f} MiB for {sent / MIB:.0f} MiB that were sent")


def check_log(checks, scene):
    log = scene.folder / "access.log"
    line = re.compile(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)( .*)? '
                      r"(\d+\.\d+)")
    with scene.start("--access-log", log) as server:
        http.ask(server, "GET", "/v2?a=b")
        http.ask(server, "GET", "/%22quoted%22\"\x01")
        http.ask(server, "POST", "/predict", b"no picture")
        moved = log.with_suffix(".1")
        log.rename(moved)
        server.send_signal(signal.SIGHUP)
        for _ in range(50):
            if log.exists():
                break
            time.sleep(0.1)
        http.ask(server, "HEAD", "/v2")
        code, _ = server.stop()
    lines = moved.read_text().splitlines()
    found = [line.fullmatch(text) for text in lines]
    checks.check("access log: a line for each request, as the Common Log Format has it", len(lines) == 3 and all(found)
                 and found[0][1] == "GET /v2?a=b HTTP/1.1" and (found[0][2], found[2][2]) == ("200", "400"), lines)
    lines = log.read_text().splitlines() if log.exists() else ["no file"]
    checks.check("access log: opened again at SIGHUP", len(lines) == 1 and '"HEAD /v2 HTTP/1.1" 200' in lines[0], lines)
    with scene.start("--access-log", "-") as server:
        http.ask(server, "GET", "/v2")
        _, rest = server.stop()
    checks.check("access log on stdout", '"GET /v2 HTTP/1.1" 200' in rest and rest.count("\n") == 1, rest)


def check_queue(checks, scene):
    """--max-queue 4 with many at once: 200 and right, or 503."""
    headers, body, right = good_infer(scene, 4)
    counts, wrong = {200: 0, 503: 0}, []

    def client(server):
        with http.Connection(server) as connection:
            for _ in range(20):
                answer = connection.send(http.request("POST", INFER, body, headers)).answer()
                if right(answer) or (answer.status == 503 and answer.headers.get("retry-after") == "1"
                                     and answer.error()):
                    counts[answer.status] += 1
                else:
                    wrong.append(f"{answer.status} {answer.headers} {answer.body[:100]}")

    with scene.start("--max-queue", "4", "--max-batch", "4") as server:
        threads = [threading.Thread(target=client, args=[server]) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        checks.check("a full queue: right answers, or 503 with Retry-After: 1", not wrong and counts[200] >= 20
                     and counts[503] > 0 and sum(counts.values()) == 320, f"{counts} {wrong[:3]}")
        checks.check("a full queue: answers again", right(http.ask(server, "POST", INFER, body, headers)))
    with scene.start("--max-batch", "8", "--max-delay-ms", "20") as server:
        begin = time.monotonic()
        fine = right(http.ask(server, "POST", INFER, body, headers))
        checks.check("--max-delay-ms 20: a right answer, not much later", fine and time.monotonic() - begin < 2)


def check_reload(checks, scene):
    """SIGHUP with the same, another and a broken file."""
    file = scene.folder / "changing.pt"
    first, second = (scene.files["digits", version] for version in "12")
    file.write_bytes(first.read_bytes())
    headers, body = http.infer_binary(scene.images[:8])

    def answers():
        return http.outputs_of(http.ask(server, "POST", "/v2/models/m/infer", body, headers))["probabilities"]

    def counted(result):
        text = http.ask(server, "GET", "/metrics").body.decode()
        found = re.search(rf'^mnist_reloads_total{{result="{result}"}} (\d+)', text, re.MULTILINE)
        return int(found[1]) if found else 0

    with scene.start(models=[f"m={file}"]) as server:
        for result, content, version in [("unchanged", None, "1"), ("ok", second.read_bytes(), "2"),
                                         ("failed", second.read_bytes()[:5000], "2"), ("ok", first.read_bytes(), "1")]:
            before = counted(result)
            if content is not None:
                new = file.with_suffix(".new")
                new.write_bytes(content)
                new.rename(file)
            server.send_signal(signal.SIGHUP)
            end = time.monotonic() + 20
            while counted(result) == before and time.monotonic() < end:
                time.sleep(0.05)
            apart = max(map(process.apart, answers(), scene.expected["digits", version][:8]))
            checks.check(f"SIGHUP: {result}", counted(result) == before + 1 and apart < 1e-6,
                         f"{counted(result)} after {before}, {apart:.1e} apart; {server.said()[-300:]}")
        checks.check("SIGHUP: the log names the file that could not be read", str(file) in server.said(),
                     server.said()[-300:])


def check_signals(checks, scene):
    for number, expected in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        with scene.start() as server, http.Connection(server) as idle:
            idle.send(http.request("GET", "/v2")).answer()
            begin = time.monotonic()
            code, _ = server.stop(number)
            seconds = time.monotonic() - begin
        checks.check(f"{number.name}: exit code {expected}, an idle connection does not delay it",
                     code == expected and seconds < 5, f"{code} after {seconds:.1f} s")
    with scene.start() as server, http.Connection(server) as slow:
        # Half of a request: the first signal may wait for the rest, a second one ends the program at once.
        slow.send(POST + b"Content-Length: 9\r\n\r\nabc")
        time.sleep(0.3)
        server.send_signal(signal.SIGTERM)
        time.sleep(1)
        begin = time.monotonic()
        if server.alive():
            server.send_signal(signal.SIGTERM)
        code, _ = server.wait()
        checks.check("a second SIGTERM ends it at once", code in (143, -signal.SIGTERM)
                     and time.monotonic() - begin < 2,
                     f"{code} after {time.monotonic() - begin:.1f} s")


def check_options(checks, scene):
    """Each ends with its exit code, an error and a hint, and does not serve."""
    first = scene.files["digits", "1"]
    other = scene.folder / "other"
    other.mkdir()
    (other / first.name).write_bytes(first.read_bytes())
    key = scene.folder / "empty_key.txt"
    key.write_text("\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for name, codes, options in [
                ("no model", {2, 3}, []),
                ("two files of the same name", {2}, ["--model", first, "--model", other / first.name]),
                ("no such file", {3}, ["--model", "nothing.pt"]), ("no model in the file", {3}, ["--model", __file__]),
                ("a port that is taken", {1, 2, 3, 4}, ["--model", first, "--port", taken.getsockname()[1]]),
                ("no such port", {2}, ["--model", first, "--port", 65536]),
                ("no such address", {1, 2, 3, 4}, ["--model", first, "--host", "nowhere.invalid"]),
                ("a batch of none", {2}, ["--model", first, "--max-batch", 0]),
                ("an empty name", {2}, ["--model", f"={first}"]),
                ("no such key file", {3}, ["--model", first, "--api-key-file", "nothing.txt"]),
                ("an empty key", {2, 3}, ["--model", first, "--api-key-file", key])]:
            command = [scene.mnist, "serve", "--device", "cpu", "--port", "0", *options]
            if "--port" in options:
                command = [scene.mnist, "serve", "--device", "cpu", *options]
            try:
                done = subprocess.run(list(map(str, command)), cwd=scene.folder, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, timeout=30)
                code, said = done.returncode, done.stderr
                fine = code in codes and "error: " in said and "hint: " in said and not done.stdout
            except subprocess.TimeoutExpired:
                code, said, fine = "none", "it serves", False
            checks.check(f"options: {name}", fine, f"exit code {code}: {said}")


def check(checks, scene):
    checks.attempt(check_key, scene)
    with scene.start("--max-body", "1", "--request-timeout", "1", "--idle-timeout", "2") as server:
        checks.attempt(check_size, server)
        checks.attempt(check_time, server)
    with scene.start("--max-body", "1") as server:
        checks.attempt(check_flood, scene, server)
    with scene.start("--max-connections", "8") as server:
        checks.attempt(check_many, server)
    checks.attempt(check_log, scene)
    checks.attempt(check_queue, scene)
    checks.attempt(check_reload, scene)
    checks.attempt(check_signals, scene)
    checks.attempt(check_options, scene)
