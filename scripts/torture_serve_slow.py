"""The many slow connections of scripts/torture_serve --slowloris."""

import asyncio
import random
import time

import serve_http as http
import serve_process as process
from torture_bench import note
from torture_serve_clients import Load, make_cases, percentile

MOST = 0.1     # seconds, the good clients' 99th percentile
LATE = 3.0     # seconds after --request-timeout until which the server must have ended a slow connection
IMAGES = 100


class Slow:
    """Connections that send a byte a second."""

    def __init__(self, server, dice, timeout):
        self.server, self.dice, self.timeout = server, dice, timeout
        self.lives, self.problems, self.open, self.over = [], [], 0, False

    async def one(self, number):
        await asyncio.sleep(self.dice.uniform(0, 1))
        while not self.over:
            try:
                await self.life(number)
            except OSError as problem:
                self.problems.append(f"no connection: {problem}")
                await asyncio.sleep(1)

    async def life(self, number):
        reader, writer = await asyncio.open_connection(self.server.host, self.server.port)
        begin = time.monotonic()
        self.open += 1
        end = asyncio.create_task(reader.read())  # until the server ends the connection
        # Half of them are slow with the body only.
        if number % 2:
            writer.write(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        rest = iter(b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nX-Header: " + b"a" * 1000)
        try:
            while not self.over and not end.done():
                writer.write(bytes([next(rest)]))
                await asyncio.wait([end], timeout=1)
                if time.monotonic() - begin > self.timeout + LATE:
                    self.problems.append(f"a connection lives for more than {self.timeout + LATE} s")
                    return
        finally:
            self.open -= 1
            end.cancel()
            said = (await asyncio.gather(end, return_exceptions=True))[0]
            writer.close()
        if not self.over:
            self.note(time.monotonic() - begin, said)

    def note(self, seconds, said):
        self.lives.append(seconds)
        if seconds < self.timeout - 0.5:
            self.problems.append(f"a connection ended after {seconds:.1f} s: {said!r}")
        elif isinstance(said, bytes) and said and not said.startswith(b"HTTP/1.1 408 "):
            self.problems.append(f"a connection ended with {said[:100]!r}")


async def slowloris(options, folder):
    data = process.data_folder(options.data_dir, folder)
    images = process.test_images(data, IMAGES)
    file = process.train(options.mnist, folder, data, "model")
    tables = [process.infer_images(options.mnist, folder, file, images)]
    dice = random.Random(options.seed)
    timeout = options.request_timeout
    with process.Server(options.mnist, folder, [f"m={file}"], "--request-timeout", str(timeout)) as server:
        load = Load(server, make_cases(dice, images, tables), dice, options)
        slow = Slow(server, dice, timeout)
        good = [asyncio.create_task(load.client(number)) for number in range(options.connections)]
        await asyncio.sleep(2)
        alone, first = percentile(load.latencies, .99), len(load.latencies)
        others = [asyncio.create_task(slow.one(number)) for number in range(options.slowloris)]
        most = 0
        begin = time.monotonic()
        while time.monotonic() - begin < max(options.seconds, timeout + LATE + 2):
            await asyncio.sleep(0.5)
            most = max(most, slow.open)
        times = load.latencies[first:]
        slow.over = load.over = True
        await asyncio.wait(good + others, timeout=15)
        p99 = percentile(times, .99)
        note(f"good requests beside up to {most} slow connections", len(times),
             len(load.problems) + (most < options.slowloris),
             f"p99 {1e3 * p99:.1f} ms, most {1e3 * max(times):.1f} ms; alone p99 {1e3 * alone:.1f} ms")
        note("their p99 in ms, below 100", f"{1e3 * p99:.1f}", int(not p99 < MOST))
        for text in slow.problems[:5]:
            print(text)
        note(f"slow connections that the server ended after {timeout:g} s", len(slow.lives),
             len(slow.problems) + (len(slow.lives) < options.slowloris),
             f"after {min(slow.lives, default=0):.1f} to {max(slow.lives, default=0):.1f} s")
        code, _ = await asyncio.to_thread(server.stop)
        note("exit code after SIGTERM", code, int(code != 143))
