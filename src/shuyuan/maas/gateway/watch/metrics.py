"""What Prometheus reads: vLLM's names where they exist, so that its dashboards work here, and OpenTelemetry's `gen_ai`.

Only models that were found become labels. The same events feed the ring behind the administrator's live page.
"""

import threading
import time
from collections import Counter as Totals
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from weakref import WeakSet

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shuyuan.kernel import log
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import booking
from shuyuan.maas.gateway.watch import ring
from shuyuan.maas.serving import interface as serving

_logger = log.get("gateway.metrics")
SLOT_S, KEPT_S = 2.0, 900.0
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_OURS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25)

requests = Counter("gen_ai_server_requests", "Finished calls.", ["model", "endpoint", "outcome"])
tokens = Counter("gen_ai_client_token_usage", "Tokens, as settled.", ["model", "kind"])
running = Gauge("gen_ai_server_requests_running", "Calls being answered.", ["model"])
duration = Histogram("gen_ai_server_request_duration_seconds", "Whole call.", ["model", "endpoint"], buckets=_SECONDS)
_first_token = Histogram("gen_ai_server_time_to_first_token_seconds", "To first text.", ["model"], buckets=_SECONDS)
overhead = Histogram(
    "shuyuan_gateway_overhead_seconds", "What the platform adds before the model.", ["endpoint"], buckets=_OURS_S
)
cached = Counter("shuyuan_gateway_cache", "Calls that asked a cache.", ["endpoint", "found"])
quota_refused = Counter("shuyuan_gateway_quota_refused", "Calls refused because an allowance was full.", ["scope"])
vllm_running = Gauge("vllm:num_requests_running", "Calls being answered.", ["model_name"])
vllm_success = Counter("vllm:request_success", "Finished calls.", ["model_name", "finished_reason"])
vllm_prompt = Counter("vllm:prompt_tokens", "Tokens read.", ["model_name"])
vllm_generation = Counter("vllm:generation_tokens", "Tokens written.", ["model_name"])
vllm_first_token = Histogram("vllm:time_to_first_token_seconds", "To first text.", ["model_name"], buckets=_SECONDS)
vllm_latency = Histogram("vllm:e2e_request_latency_seconds", "Whole call.", ["model_name"], buckets=_SECONDS)


class Live:
    """The last 15 minutes of this process, each school's apart. Safe to share between threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._ring, self._lock, self._now = ring.Ring(SLOT_S, int(KEPT_S / SLOT_S)), threading.Lock(), now

    def ended(self, school_id: str, failed: bool, tokens: int) -> None:
        """A call is over."""
        now = self._now()
        with self._lock:
            self._ring.count(now, f"{school_id}/requests")
            self._ring.count(now, f"{school_id}/tokens", tokens)
            if failed:
                self._ring.count(now, f"{school_id}/errors")

    def refused(self, school_id: str) -> None:
        """A call was not begun."""
        with self._lock:
            self._ring.count(self._now(), f"{school_id}/errors")

    def first_token(self, school_id: str, seconds: float) -> None:
        """A call gave its first text."""
        with self._lock:
            self._ring.sample(self._now(), f"{school_id}/first_token", seconds)

    def levels(self, models: list[serving.ModelStatus]) -> None:
        """What runs, waits and is in memory just now."""
        now = self._now()
        with self._lock:
            for whose in {one.school_id for one in models}:
                of_them = [one for one in models if one.school_id == whose]
                self._ring.level(now, f"{whose}/running", sum(one.in_flight for one in of_them))
                self._ring.level(now, f"{whose}/queued", sum(one.queued for one in of_them))
                for one in of_them:
                    self._ring.level(now, f"{whose}/memory:{one.model}", one.memory_bytes or one.rss_bytes)

    def moments(self, school_id: str) -> list[interface.Moment]:
        """This school's, and the levels of shared models. Oldest first, the slot under way left out."""
        utc = datetime.now(UTC)
        with self._lock:
            told = list(self._ring.read(self._now()))
        return [_moment(utc - timedelta(seconds=age), slot, school_id) for age, slot in told]


live = Live()


_first_tokens = lru_cache(maxsize=1000)(
    lambda model: (_first_token.labels(model).observe, vllm_first_token.labels(model).observe)
)


def first_token(model: str, school_id: str, seconds: float) -> None:
    """A call gave its first text, told to every place that shows it."""
    for observe in _first_tokens(model):
        observe(seconds)
    live.first_token(school_id, seconds)


class _Series:
    """The series of one model and endpoint, looked up once: a look-up costs more than counting."""

    def __init__(self, model: str, endpoint: str) -> None:
        self.overhead = overhead.labels(endpoint)
        self.running, self.vllm_running = running.labels(model), vllm_running.labels(model)
        self.duration, self.vllm_latency = duration.labels(model, endpoint), vllm_latency.labels(model)
        self.input, self.output = tokens.labels(model, "input"), tokens.labels(model, "output")
        self.vllm_prompt, self.vllm_generation = vllm_prompt.labels(model), vllm_generation.labels(model)
        self.ended: Callable[[str], Any] = lru_cache(lambda outcome: requests.labels(model, endpoint, outcome))
        self.success: Callable[[str], Any] = lru_cache(lambda reason: vllm_success.labels(model, reason))


_series = lru_cache(maxsize=2000)(_Series)


@contextmanager
def watched(model: str, endpoint: str, call: booking.Booking) -> Iterator[None]:
    """Time one call and count how it ended."""
    series, began, outcome = _series(model, endpoint), time.perf_counter(), "failed"
    series.running.inc()
    series.vllm_running.inc()
    try:
        yield
        outcome = "ok" if call.finished else "left"
    except interface.QuotaFull:
        outcome = ""  # begun early and refused: it counts as refused, not as a call
        raise
    except Exception:
        raise
    except BaseException:
        outcome = "left"
        raise
    finally:
        try:
            _over(series, call, endpoint, outcome, time.perf_counter() - began)
        except Exception as failure:  # what is only counted never breaks what was answered
            _logger.error("call_not_counted", error=repr(failure))


def _over(series: _Series, call: booking.Booking, endpoint: str, outcome: str, seconds: float) -> None:
    series.running.dec()
    series.vllm_running.dec()
    if not outcome:
        return
    series.overhead.observe(call.overhead_ms / 1000)
    series.duration.observe(seconds)
    series.vllm_latency.observe(seconds)
    series.ended(outcome).inc()
    if outcome != "failed":
        series.success("stop" if outcome == "ok" else "abort").inc()
    if call.cache:
        cached.labels(endpoint, call.cache).inc()
    prompt, completion = call.cost() if call.begun else (0, 0)
    if call.begun:
        series.input.inc(prompt)
        series.output.inc(completion)
        series.vllm_prompt.inc(prompt)
        series.vllm_generation.inc(completion)
    live.ended(call.school_id, outcome == "failed", prompt + completion)


class EngineLevels(Collector):
    """Queue and memory by model, asked of the engine when Prometheus asks."""

    def __init__(self) -> None:
        self._engines: WeakSet[serving.Engine] = WeakSet()

    def watch(self, engine: serving.Engine) -> None:
        """Tell of this engine, for as long as it lives."""
        self._engines.add(engine)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("vllm:num_requests_waiting", "Calls waiting for a slot.", labels=["model_name"])
        memory = GaugeMetricFamily("shuyuan_model_memory_bytes", "Memory a loaded model takes.", labels=["model"])
        queued, taken = Totals[str](), Totals[str]()  # schools may have versions of one name: one sample tells of all
        for engine in list(self._engines):
            for one in engine.residency().models:
                queued[one.model] += one.queued
                taken[one.model] += one.memory_bytes or one.rss_bytes
        for model in queued:
            waiting.add_metric([model], queued[model])
            memory.add_metric([model], taken[model])
        yield waiting
        yield memory

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing is asked of an engine at registration."""
        return iter(())


engine_levels = EngineLevels()
REGISTRY.register(engine_levels)


def _moment(at: datetime, slot: ring.Slot, school_id: str) -> interface.Moment:
    first = slot.samples.get(f"{school_id}/first_token", [])
    levels = Totals[str]()
    for name, value in slot.levels.items():
        whose, _, what = name.partition("/")
        if whose in (catalogue.SHARED, school_id):
            levels[what] += int(value)
    return interface.Moment(
        at,
        slot.counts.get(f"{school_id}/requests", 0.0) / SLOT_S,
        slot.counts.get(f"{school_id}/tokens", 0.0) / SLOT_S,
        slot.counts.get(f"{school_id}/errors", 0.0) / SLOT_S,
        ring.quantile(first, 0.5),
        ring.quantile(first, 0.95),
        levels["running"],
        levels["queued"],
        {what.removeprefix("memory:"): value for what, value in levels.items() if what.startswith("memory:") and value},
    )
