"""/metrics of mnist serve for check_serve.py, read by Prometheus' parser: counts must add up."""

import collections
import pathlib
import time

from prometheus_client.parser import text_string_to_metric_families

import serve_http as http
import serve_process as process

PICTURES, BROKEN, BATCHES = 3, 2, [1, 2, 3, 4, 5]


def read(server):
    """Samples by name and labels, and the type of each family."""
    answer = http.ask(server, "GET", "/metrics")
    families = list(text_string_to_metric_families(answer.body.decode()))
    samples = collections.Counter()
    for family in families:
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            if key in samples:
                raise ValueError(f"{key} occurs twice")
            samples[key] = sample.value
    return answer, samples, {family.name: (family.type, family.documentation) for family in families}


def total(samples, name, **labels):
    return sum(value for (found, *pairs), value in samples.items() if found == name
               and set(labels.items()) <= set(pairs))


def ask_all(scene, server):
    """Requests of each kind; how many of each endpoint and status."""
    picture = process.png(*process.drawn("4"))
    for _ in range(PICTURES):
        http.ask(server, "POST", "/predict?model=digits&version=1", picture)
    for _ in range(BROKEN):
        http.ask(server, "POST", "/predict?model=digits&version=1", picture[:-40])
    for count in BATCHES:
        headers, body = http.infer_binary(scene.images[:count])
        http.ask(server, "POST", "/v2/models/digits/versions/2/infer", body, headers)
    http.ask(server, "POST", "/v2/models/digits/infer", b"{}")
    for page, count in {"/v2/health/live": 4, "/v2": 2, "/v2/models/lenet": 1, "/": 1, "/nothing": 2}.items():
        for _ in range(count):
            http.ask(server, "GET", page)
    return {("predict", "200"): PICTURES, ("predict", "400"): BROKEN, ("infer", "200"): len(BATCHES),
            ("infer", "400"): 1, ("health", "200"): 4, ("metadata", "200"): 3, ("page", "200"): 1, ("other", "404"): 2}


def check_histograms(checks, samples, families):
    wrong, series = [], collections.defaultdict(list)
    for (name, *pairs), value in samples.items():
        family = name.removesuffix("_bucket")
        if name != family and families.get(family, ("",))[0] == "histogram":
            bound, = (value for label, value in pairs if label == "le")
            series[family, tuple(pair for pair in pairs if pair[0] != "le")].append((float(bound), value))
    for (family, pairs), buckets in series.items():
        counts = [count for _, count in sorted(buckets)]
        if (counts != sorted(counts) or max(buckets)[0] != float("inf")
                or counts[-1] != samples[(f"{family}_count", *pairs)]):
            wrong.append((family, pairs, buckets))
    checks.check(f"metrics: {len(series)} histograms grow, and end with their count", series and not wrong, wrong[:2])


def check_counts(checks, samples, asked):
    for (endpoint, code), count in asked.items():
        found = total(samples, "mnist_requests_total", endpoint=endpoint, code=code)
        checks.check(f"metrics: requests to {endpoint} with {code}", found == count, f"{found} instead of {count}")
    for endpoint in {endpoint for endpoint, _ in asked}:
        answered = total(samples, "mnist_requests_total", endpoint=endpoint)
        timed = total(samples, "mnist_request_seconds_count", endpoint=endpoint)
        checks.check(f"metrics: seconds of each request to {endpoint}", answered == timed
                     and 0 < total(samples, "mnist_request_seconds_sum", endpoint=endpoint) < 60,
                     f"{answered} and {timed}")
    for version, images in {"1": PICTURES, "2": sum(BATCHES)}.items():
        found = total(samples, "mnist_batch_images_sum", model="digits", version=version)
        runs = total(samples, "mnist_batch_images_count", model="digits", version=version)
        checks.check(f"metrics: images of digits {version}", found == images and 0 < runs <= images,
                     f"{found} in {runs} runs")


def check(checks, scene):
    begin = time.time()
    with scene.start() as server:
        asked = ask_all(scene, server)
        answer, samples, families = read(server)
        checks.check("metrics: form", answer.headers.get("content-type", "").startswith("text/plain; version=0.0.4")
                     and all(kind != "unknown" and text for kind, text in families.values()), families)
        check_counts(checks, samples, asked)
        check_histograms(checks, samples, families)
        models = {(labels["model"], labels["version"]): labels for name, *pairs in samples if name == "mnist_model_info"
                  for labels in [dict(pairs)]}
        checks.check("metrics: models", set(models) == set(scene.files) and all(
            models[key]["sha256"] == process.sha256(file) and models[key]["arch"]
            for key, file in scene.files.items()), models)
        status = pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()
        resident, started = int(status[1]) * 4096, samples[("process_start_time_seconds",)]
        checks.check("metrics: the process", 0.8 < samples[("process_resident_memory_bytes",)] / resident < 1.25
                     and begin - 2 < started < time.time() + 2, f"{resident}, {started - begin:.1f} s after the test")
        checks.check("metrics: queue and connections", total(samples, "mnist_queue_images") == 0
                     and total(samples, "mnist_connections") >= 1
                     and {("mnist_queue_images", ("model", "lenet"), ("version", "1"))} <= set(samples))
        _, again, _ = read(server)
        checks.check("metrics: counts themselves", total(again, "mnist_requests_total", endpoint="metrics") == 1)
