"""Good and broken clients of mnist serve for scripts/torture_serve, with asyncio's streams."""

import asyncio
import dataclasses
import socket
import struct
import time

import serve_http as http
import serve_process as process

TOLERANCE = 1e-6
PATIENCE = 20.0  # seconds for an answer


@dataclasses.dataclass
class Case:
    """A request, and which models its answer can be of: a set of their numbers, empty for a wrong one."""

    kind: str
    content: bytes
    models: object  # a function of the answer


def matching(found, tables, start):
    """The models whose probabilities these are."""
    return {number for number, table in enumerate(tables)
            if len(found) and max(map(process.apart, found, table[start:start + len(found)])) < TOLERANCE}


def make_cases(dice, images, tables, model="m"):
    """Requests of each kind. `tables`: the probabilities of all images, for each model."""
    target = f"/v2/models/{model}/infer"
    query = f"/predict?model={model}&invert=never&top_k=1000"
    cases = []

    def infer(kind, build, count):
        start = dice.randrange(len(images) - count)
        headers, body = build(images[start:start + count])

        def models(answer):
            rows = http.outputs_of(answer)["probabilities"] if answer.status == 200 else []
            return matching(rows, tables, start) if len(rows) == count else set()
        cases.append(Case(kind, http.request("POST", target, body, headers), models))

    def predict(kind, content, start, count):
        def models(answer):
            lines = answer.lines() if answer.status == 200 else []
            rows = [process.by_class(line.get("top_k", [])) for line in lines]
            return matching(rows, tables, start) if len(rows) == count else set()
        cases.append(Case(kind, content, models))

    for number in range(40):
        infer("infer, bytes", http.infer_binary, 1 + number % 8)
        infer("infer, JSON", http.infer_json, 1 + number % 2)
    for _ in range(20):
        start = dice.randrange(len(images) - 2)
        predict("a picture", http.request("POST", query, process.png(images[start])), start, 1)
        headers, body = http.multipart([(f"{number}.png", process.png(images[start + number])) for number in range(2)])
        predict("a form with two pictures", http.request("POST", query, body, headers), start, 2)
    return cases


class Load:
    """Good clients. What the answers may be is in `allowed`, a set of models, which a reload changes."""

    def __init__(self, server, cases, dice, options):
        self.server, self.cases, self.dice = server, cases, dice
        self.pause = options.connections / options.rate if options.rate else 0
        self.allowed, self.stopping, self.over = {0}, False, False
        self.counts, self.latencies, self.problems = {}, [], []
        self.waiting, self.must_answer, self.owed = set(), set(), 0
        self.each = []  # called after each good answer

    def wrong(self, text):
        self.problems.append(text)
        if len(self.problems) <= 10:
            print(f"wrong: {text}", flush=True)

    async def ask(self, number, reader, writer, case):
        """Sends a request and judges the answer. Returns whether the connection goes on."""
        allowed, begin = self.allowed, time.monotonic()
        stopped = self.stopping
        answer = None
        try:
            writer.write(case.content)
            await writer.drain()
            self.waiting.add(number)
            answer = await asyncio.wait_for(http.read_answer(reader), PATIENCE)
            said = case.models(answer)
        except (http.Broken, OSError, TimeoutError, ValueError, KeyError, TypeError) as problem:
            # After SIGTERM the server may close a connection on which nothing was asked before, without a word.
            silent = isinstance(problem, ConnectionError) or str(problem) == "the connection ended after 0 bytes"
            if not (silent and self.stopping and number not in self.must_answer):
                self.wrong(f"{case.kind}: {type(problem).__name__} {problem}"
                           f"{f'; {answer.status} {answer.body[:200]}' if answer else ''}")
            return False
        finally:
            self.waiting.discard(number)
            owed = number in self.must_answer
            self.must_answer.discard(number)
        if stopped and answer.status == 503:
            return False
        if not said & (allowed | self.allowed):
            self.wrong(f"{case.kind}: {answer.status} {answer.body[:200]}, of the models {said or 'none'} instead of "
                       f"{allowed | self.allowed}")
        self.latencies.append(time.monotonic() - begin)
        self.counts[case.kind] = self.counts.get(case.kind, 0) + 1
        self.owed += owed
        return answer.keeps()

    async def client(self, number):
        while not self.over:
            try:
                reader, writer = await asyncio.open_connection(self.server.host, self.server.port, limit=1 << 20)
            except OSError as problem:
                if not self.stopping:
                    self.wrong(f"no connection: {problem}")
                return
            # Not one connection for ever: new ones are part of the load.
            for _ in range(self.dice.randrange(1, 400)):
                if self.over or not await self.ask(number, reader, writer, self.dice.choice(self.cases)):
                    break
                for call in self.each:
                    call()
                if self.pause:
                    await asyncio.sleep(self.dice.uniform(0, 2 * self.pause))
            writer.close()
            if self.stopping:
                return


def percentile(numbers, share):
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


# ---- broken clients: each a function of server, a good request and dice

async def connect(server):
    return await asyncio.open_connection(server.host, server.port)


async def leave(server, content, dice):
    """Leaves in the middle of headers or body."""
    _, writer = await connect(server)
    writer.write(content[:dice.randrange(1, len(content))])
    await writer.drain()
    await asyncio.sleep(dice.uniform(0, 0.1))
    writer.close()


async def reset(server, content, dice):
    """Sends all, and resets the connection instead of reading the answer."""
    _, writer = await connect(server)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.write(content)
    await writer.drain()
    await asyncio.sleep(dice.uniform(0, 0.01))
    writer.transport.abort()


async def until_end(reader, seconds):
    """Reads what comes, for so long at most."""
    try:
        async with asyncio.timeout(seconds):
            while await reader.read(65536):
                pass
    except TimeoutError:
        pass


async def garbage(server, content, dice):
    reader, writer = await connect(server)
    writer.write(dice.randbytes(dice.randrange(1, 5000)))
    await writer.drain()
    await until_end(reader, 1)
    writer.close()


async def length(server, content, dice):
    """A body that is longer or shorter than its length."""
    reader, writer = await connect(server)
    head, end, body = content.partition(http.END)
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length:")]
    said = max(0, len(body) + dice.choice([-1000, -7, -1, 1, 100, 10**6]))
    writer.write(b"\r\n".join([*lines, b"Content-Length: %d" % said]) + end + body)
    await writer.drain()
    await until_end(reader, dice.uniform(0.1, 1))
    writer.close()


async def huge(server, content, dice):
    """Header lines of megabytes."""
    reader, writer = await connect(server)
    writer.write(b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n")
    for _ in range(dice.randrange(1, 200)):
        writer.write(b"X-Header: " + b"a" * 10_000 + b"\r\n")
        await writer.drain()
    await until_end(reader, 1)
    writer.close()


async def trickle(server, content, dice):
    """Some bytes, one by one, for longer than the server waits."""
    _, writer = await connect(server)
    for byte in content[dice.choice([0, 30]):][:30]:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)
    writer.close()


async def deaf(server, content, dice, at_once=20):
    """Asks again and again for something large and reads nothing."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(plain, (server.host, server.port))
        async with asyncio.timeout(4):
            while True:
                await loop.sock_sendall(plain, http.request("GET", "/") * at_once)
                await asyncio.sleep(0.005)  # the good clients are in this process, too
    except TimeoutError:
        pass
    finally:
        plain.close()


async def flood(server, content, dice):
    """The same with megabytes of requests, which a server must not take without end."""
    await deaf(server, content, dice, at_once=1000)


BROKEN = [leave, reset, garbage, length, huge, trickle, deaf, flood]


class Broken:
    """Starts broken clients beside the good ones."""

    def __init__(self, load, share):
        self.load, self.share, self.tasks, self.count = load, share, set(), {}

    def after_answer(self):
        if self.load.dice.random() < self.share and len(self.tasks) < 100 and not self.load.stopping:
            task = asyncio.create_task(self.one(self.load.dice.choice(BROKEN)))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def one(self, client):
        self.count[client.__name__] = self.count.get(client.__name__, 0) + 1
        try:
            await client(self.load.server, self.load.dice.choice(self.load.cases).content, self.load.dice)
        except OSError:
            pass  # the server may end it at any time

    async def end(self):
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
