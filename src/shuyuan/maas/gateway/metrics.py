"""A handful of Prometheus series, named after OpenTelemetry's `gen_ai.*`; only known models become labels."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from shuyuan.maas.gateway import booking

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

requests = Counter("gen_ai_server_requests", "Finished calls.", ["model", "endpoint", "outcome"])
tokens = Counter("gen_ai_client_token_usage", "Tokens, as settled.", ["model", "kind"])
running = Gauge("gen_ai_server_requests_running", "Calls being answered.", ["model"])
duration = Histogram("gen_ai_server_request_duration_seconds", "Whole call.", ["model", "endpoint"], buckets=_SECONDS)
first_token = Histogram("gen_ai_server_time_to_first_token_seconds", "Call to first text.", ["model"], buckets=_SECONDS)
overhead = Histogram(
    "shuyuan_gateway_overhead_seconds",
    "Time this platform adds before the model begins.",
    ["endpoint"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25),
)
quota_refused = Counter("shuyuan_gateway_quota_refused", "Calls refused because an allowance was full.", ["scope"])


@contextmanager
def watched(model: str, endpoint: str, call: booking.Booking) -> Iterator[None]:
    """Time one call and count how it ended."""
    began, outcome = time.perf_counter(), "failed"
    overhead.labels(endpoint).observe(call.overhead_ms / 1000)
    running.labels(model).inc()
    try:
        yield
        outcome = "ok" if call.finished else "left"
    except Exception:
        raise
    except BaseException:
        outcome = "left"
        raise
    finally:
        running.labels(model).dec()
        duration.labels(model, endpoint).observe(time.perf_counter() - began)
        requests.labels(model, endpoint, outcome).inc()
        prompt, completion = call.cost()
        if call.begun:
            tokens.labels(model, "input").inc(prompt)
            tokens.labels(model, "output").inc(completion)
