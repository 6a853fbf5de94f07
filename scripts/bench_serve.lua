-- What wrk sends for scripts/bench_serve: a POST with the body in the file $BENCH_BODY and the header lines in the file
-- $BENCH_HEADERS. At the end it prints one line: requests, microseconds, errors, and the latency's percentiles.

local function content(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = "POST"
wrk.body = content(os.getenv("BENCH_BODY"))
for name, value in content(os.getenv("BENCH_HEADERS")):gmatch("([^:\n]+): ([^\n]*)\n") do
  wrk.headers[name] = value
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
