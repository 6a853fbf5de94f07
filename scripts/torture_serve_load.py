"""The load of scripts/torture_serve with reloads and its end by SIGTERM."""

import asyncio
import os
import random
import re
import signal
import time

import serve_http as http
import serve_process as process
from torture_bench import note
from torture_serve_clients import Broken, Load, make_cases, percentile

GROWTH = 16  # MiB
IMAGES = 200


def put(file, content):
    """As programs replace a file: as a whole."""
    new = file.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, file)


async def get(server, target):
    reader, writer = await asyncio.open_connection(server.host, server.port, limit=1 << 20)
    writer.write(http.request("GET", target))
    answer = await http.read_answer(reader)
    writer.close()
    return answer


async def reloads(server):
    """How often files were read again, by result."""
    text = (await get(server, "/metrics")).body.decode()
    found = re.findall(r'^mnist_reloads_total\{result="(\w+)"\} (\d+)', text, re.MULTILINE)
    return {result: int(count) for result, count in found}


async def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await condition():
            return True
        await asyncio.sleep(0.05)
    return False


class Reloads:
    """Replaces the model file: with the other model, or with a broken one."""

    def __init__(self, load, file, contents, sums):
        self.load, self.file, self.contents, self.sums = load, file, contents, sums
        self.now, self.done, self.failed, self.seconds = 0, 0, 0, []

    async def other(self):
        server, new = self.load.server, 1 - self.now

        async def has_it():
            about = (await get(server, "/v2/models/m")).json()
            return about["parameters"]["sha256"] == self.sums[new]

        self.load.allowed = {0, 1}
        put(self.file, self.contents[new])
        begin = time.monotonic()
        server.send_signal(signal.SIGHUP)
        if await until(has_it):
            self.load.allowed = {new}
            self.seconds.append(time.monotonic() - begin)
        else:
            self.failed += 1
            print(f"the server does not say that it has read another file:\n{server.said()[-500:]}")
        self.now, self.done = new, self.done + 1

    async def broken(self):
        """The old model stays, and answers."""
        before = await reloads(self.load.server)
        put(self.file, self.contents[1 - self.now][:1000])
        self.load.server.send_signal(signal.SIGHUP)

        async def counted():
            return (await reloads(self.load.server)).get("failed", 0) > before.get("failed", 0)

        if not await until(counted):
            self.failed += 1
            print("the server does not count a broken file as failed")
        put(self.file, self.contents[self.now])
        self.done += 1


async def refuses(server):
    """Whether a new connection is refused, or ended without an answer."""
    try:
        reader, writer = await asyncio.open_connection(server.host, server.port)
    except OSError:
        return True
    try:
        writer.write(http.request("GET", "/v2"))
        return (await asyncio.wait_for(http.read_answer(reader), 2)).status == 503
    except (http.Broken, OSError):
        return True
    except TimeoutError:
        return False
    finally:
        writer.close()


async def stop(load, tasks, broken):
    """SIGTERM at full load."""
    server = load.server
    begin = time.monotonic()
    while len(load.waiting) < len(tasks) // 2 and time.monotonic() < begin + 1:
        await asyncio.sleep(0)
    load.must_answer = set(load.waiting)
    promised, before = len(load.must_answer), len(load.problems)
    load.stopping = True
    server.send_signal(signal.SIGTERM)
    begin = time.monotonic()
    refused = False
    # Accepting may end a moment after the signal.
    while server.alive() and time.monotonic() < begin + 1 and not refused:
        refused = await refuses(server)
    refused = refused or await refuses(server)
    done, late = await asyncio.wait(tasks, timeout=20)
    for task in late:
        task.cancel()
    await broken.end()
    code, rest = await asyncio.to_thread(server.wait, 20)
    note("requests that were sent before SIGTERM, with their whole answer", load.owed,
         promised - load.owed + len(load.problems) - before + len(late), f"of {promised}")
    note("SIGTERM: new connections refused, nothing on stdout, exit code", code,
         int(not refused or code != 143 or rest != ""),
         f"{time.monotonic() - begin:.2f} s{'' if refused else ', still accepting'}")


async def torture(options, folder):
    data = process.data_folder(options.data_dir, folder)
    images = process.test_images(data, IMAGES)
    files = [process.train(options.mnist, folder, data, f"model-{seed}", seed=seed) for seed in (1, 2)]
    tables = [process.infer_images(options.mnist, folder, file, images) for file in files]
    file = folder / "served.pt"
    put(file, files[0].read_bytes())
    dice = random.Random(options.seed)
    limit = ["--request-timeout", str(options.request_timeout)]
    with process.Server(options.mnist, folder, [f"m={file}"], *limit) as server:
        load = Load(server, make_cases(dice, images, tables), dice, options)
        broken = Broken(load, options.broken_share)
        load.each.append(broken.after_answer)
        changes = Reloads(load, file, [one.read_bytes() for one in files], list(map(process.sha256, files)))
        tasks = [asyncio.create_task(load.client(number)) for number in range(options.connections)]
        # Two reloads and all kinds of clients, so that the memory for them is there.
        warm = max(3.0, min(15.0, options.seconds / 4))
        for _ in range(2):
            await asyncio.sleep(warm / 2)
            await changes.other()
        start, first, warmed = server.resident(), len(load.latencies), time.monotonic()
        for number in range(options.reloads):
            await asyncio.sleep(options.seconds / (options.reloads + 1))
            await (changes.broken() if number == 1 else changes.other())
        await asyncio.sleep(max(0.0, options.seconds - (time.monotonic() - warmed)))
        end, seconds = server.resident(), time.monotonic() - warmed
        times = load.latencies[first:]
        note("good requests", len(load.latencies), len(load.problems),
             f"{len(times) / seconds:.0f} a second, p50 {1e3 * percentile(times, .5):.1f} ms, p99 "
             f"{1e3 * percentile(times, .99):.1f} ms; "
             + ", ".join(f"{kind}: {count}" for kind, count in load.counts.items()))
        note("broken clients", sum(broken.count.values()), int(not server.alive()),
             ", ".join(f"{name} {count}" for name, count in broken.count.items()))
        note("reloads", changes.done, changes.failed, f"at most {max(changes.seconds, default=0):.2f} s each")
        note("MiB that the resident size grew by", f"{end - start:+.1f}", int(end - start > GROWTH),
             f"from {start:.1f} to {end:.1f}")
        await stop(load, tasks, broken)
