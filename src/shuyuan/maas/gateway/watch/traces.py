"""OpenTelemetry spans of calls, where the operator asks for them: `OTEL_EXPORTER_OTLP_ENDPOINT` and the packages.

Without either nothing is imported and a call pays one comparison. A `traceparent` the client sent becomes the parent.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from shuyuan.kernel import log
from shuyuan.maas.gateway import calling
from shuyuan.maas.gateway.books import booking

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_logger = log.get("gateway.traces")


@contextmanager
def traced(model: str, endpoint: str, call: booking.Booking) -> Iterator[None]:
    """A span round one call, named and described as OpenTelemetry's `gen_ai` conventions say."""
    made = tracer()
    if made is None:
        yield
        return
    about = {"gen_ai.operation.name": endpoint, "gen_ai.request.model": model, "shuyuan.call": call.id}
    with made.start_as_current_span(f"{endpoint} {model}", context=_parent(), attributes=about) as span:
        try:
            yield
        finally:
            prompt, completion = call.cost()
            span.set_attribute("gen_ai.usage.input_tokens", prompt)
            span.set_attribute("gen_ai.usage.output_tokens", completion)
            span.set_attribute("shuyuan.overhead_ms", call.overhead_ms)


@cache
def tracer() -> Any:  # Any: a package that need not be here
    """What makes spans; None when nobody asked, or the packages are missing (which is told once)."""
    if not os.environ.get(ENDPOINT):
        return None
    try:
        sdk, exporting, resources, otlp = (
            importlib.import_module(f"opentelemetry.{name}")
            for name in ("sdk.trace", "sdk.trace.export", "sdk.resources", "exporter.otlp.proto.http.trace_exporter")
        )
    except ImportError as missing:
        _logger.warning("traces_off", missing=missing.name, fix="install opentelemetry-exporter-otlp-proto-http")
        return None
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": "shuyuan"}))
    provider.add_span_processor(exporting.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return provider.get_tracer("shuyuan.gateway")


def _parent() -> Any:  # Any: as above
    carrier = {"traceparent": calling.wishes().traceparent}
    return (
        importlib.import_module("opentelemetry.trace.propagation.tracecontext")
        .TraceContextTextMapPropagator()
        .extract(carrier)
    )
