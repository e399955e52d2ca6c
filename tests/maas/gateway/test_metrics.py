"""What operators see: vLLM's names, the last 15 minutes, spans where they are asked for."""

import asyncio
from collections.abc import Callable
from weakref import WeakSet

import pytest
from prometheus_client import REGISTRY, generate_latest
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller, ScriptedEngine, hello, say
from tests.maas.gateway.server import app_of

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import booking
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.watch import metrics, ring, traces
from shuyuan.maas.serving import interface as serving

Make = Callable[..., GatewayService]


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_call_is_counted_under_the_names_that_vllm_gave_them(gateway: GatewayService, teacher: Principal) -> None:
    of_tiny = {"model_name": "tiny"}
    names = {
        "vllm:prompt_tokens_total": 7.0,
        "vllm:generation_tokens_total": 2.0,
        "vllm:e2e_request_latency_seconds_count": 1.0,
        "vllm:time_to_first_token_seconds_count": 1.0,
    }
    before = {name: value(name, **of_tiny) for name in names}
    ended = value("vllm:request_success_total", model_name="tiny", finished_reason="stop")
    asyncio.run(say(gateway, teacher))
    assert {name: value(name, **of_tiny) - before[name] for name in names} == names
    assert value("vllm:request_success_total", model_name="tiny", finished_reason="stop") == ended + 1
    assert value("vllm:num_requests_running", **of_tiny) == 0
    assert value("gen_ai_server_requests_total", model="tiny", endpoint="chat", outcome="ok") >= 1


class Busy(ScriptedEngine):
    def residency(self) -> serving.Residency:
        loaded = serving.ModelStatus("tiny", "ready", queued=4, in_flight=2, memory_bytes=93_000_000)
        return serving.Residency(1_000_000_000, 93_000_000, [loaded])


def test_queue_and_memory_are_asked_of_the_engine(
    make_gateway: Make, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics.engine_levels, "_engines", WeakSet())  # other tests' engines may still be about
    gateway = make_gateway(Busy())
    told = generate_latest().decode()
    assert 'vllm:num_requests_waiting{model_name="tiny"} 4.0' in told
    assert 'shuyuan_model_memory_bytes{model="tiny"} 9.3e+07' in told
    gateway.sample()
    with pytest.raises(errors.Forbidden):
        gateway.live(caller.principal)
    assert len(gateway.live(caller.admin)) == metrics.KEPT_S / metrics.SLOT_S - 1


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A fresh ring and its clock."""
    now = [10_000.0]
    monkeypatch.setattr(metrics, "live", metrics.Live(now=lambda: now[0]))
    return now


def test_the_last_moments_tell_rates_waits_and_errors(
    live: list[float], gateway: GatewayService, teacher: Principal, make_gateway: Make
) -> None:
    asyncio.run(say(gateway, teacher))
    with pytest.raises(serving.Overloaded):
        asyncio.run(say(make_gateway(ScriptedEngine(failure=serving.Overloaded("full"))), teacher))
    metrics.live.levels(Busy().residency().models)
    live[0] += metrics.SLOT_S
    last = metrics.live.moments(teacher.school_id)[-1]
    assert (last.requests_per_s, last.tokens_per_s, last.errors_per_s) == (1.0, 4.5, 0.5)
    assert (last.running, last.queued, last.memory_bytes) == (2, 4, {"tiny": 93_000_000})
    assert last.first_token_p50_s is not None
    live[0] += metrics.KEPT_S
    assert all(one.requests_per_s == 0 for one in metrics.live.moments(teacher.school_id))


def test_a_refused_call_is_an_error_of_the_moment(live: list[float], gateway: GatewayService, caller: Caller) -> None:
    gateway.set_limits(caller.admin, "school", caller.admin.school_id, tokens=0, requests=None)
    before = value("shuyuan_gateway_quota_refused_total", scope="school")
    with pytest.raises(interface.QuotaFull):
        asyncio.run(say(gateway, caller.principal))
    live[0] += metrics.SLOT_S
    assert metrics.live.moments(caller.principal.school_id)[-1].errors_per_s == 0.5
    assert value("shuyuan_gateway_quota_refused_total", scope="school") == before + 1


def test_a_ring_forgets_what_is_older_than_it_and_shows_quiet_times_as_empty() -> None:
    kept = ring.Ring(slot_s=2.0, slots=3)
    for at in (0.0, 2.0, 8.0, 9.9):
        kept.count(at, "x")
    told = [(slot.number, slot.counts.get("x", 0.0)) for _, slot in kept.read(10.1)]
    assert told == [(3, 0.0), (4, 2.0)]
    for n in range(1_000):
        kept.sample(12.0, "wait", float(n))
    (*_, (_, slot)) = kept.read(14.0)
    assert len(slot.samples["wait"]) == ring.SAMPLES
    assert 350 < (ring.quantile(slot.samples["wait"], 0.5) or 0.0) < 650, "a fair choice of them"


def test_traces_are_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(traces.ENDPOINT, raising=False)
    assert traces.tracer.__wrapped__() is None
    monkeypatch.setenv(traces.ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setattr("importlib.import_module", _missing)
    assert traces.tracer.__wrapped__() is None, "and say so when the packages are not there"


def _missing(name: str) -> object:
    raise ImportError(name=name)


class _Spans:
    """Keeps what a tracer is asked for."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object, dict[str, object]]] = []

    def start_as_current_span(self, name: str, *, context: object, attributes: dict[str, object]) -> "_Spans":
        self.told.append((name, context, dict(attributes)))
        return self

    def __enter__(self) -> "_Spans":
        return self

    def __exit__(self, *_: object) -> None: ...

    def set_attribute(self, name: str, value: object) -> None:
        self.told[-1][2][name] = value


def test_a_span_hangs_on_the_callers_trace(
    monkeypatch: pytest.MonkeyPatch,
    identity: IdentityService,
    gateway: GatewayService,
    engine: ScriptedEngine,
    caller: Caller,
) -> None:
    trace = pytest.importorskip("opentelemetry.trace", reason="needs opentelemetry-api")
    spans = _Spans()
    monkeypatch.setattr(traces, "tracer", lambda: spans)
    parent = "4bf92f3577b34da6a3ce929d0e0e4736"
    with TestClient(app_of(identity, gateway, engine)) as client:
        client.post(
            "/v1/chat/completions",
            json={"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20},
            headers={
                "authorization": f"Bearer {caller.secret}",
                "traceparent": f"00-{parent}-00f067aa0ba902b7-01",
            },
        )
    ((name, context, about),) = spans.told
    assert name == "chat tiny"
    assert f"{trace.get_current_span(context).get_span_context().trace_id:032x}" == parent
    assert (about["gen_ai.usage.input_tokens"], about["gen_ai.usage.output_tokens"]) == (7, 2)


def test_without_a_tracer_a_call_is_simply_made() -> None:
    call = booking.Booking("id", ())
    with traces.traced("tiny", "chat", call):
        call.note(interface.Usage(1))
    assert call.finished
    assert hello().model == "tiny"
