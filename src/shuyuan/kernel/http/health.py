"""`/healthz`, `/readyz`, `/version`, `/metrics`: is it alive, may traffic come, what is it, how does it fare."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


def router(version: str, ready: Callable[[], Mapping[str, str]]) -> APIRouter:
    """Routes that need nobody signed in and tell nothing about people."""
    api = APIRouter()

    @api.get("/healthz", include_in_schema=True)
    def healthz() -> PlainTextResponse:
        """The process answers."""
        return PlainTextResponse("ok\n")

    @api.get("/readyz")
    def readyz() -> JSONResponse:
        """Each part and whether it is ready; 503 while one is not."""
        parts = dict(ready())
        fine = all(state == "ok" for state in parts.values())
        return JSONResponse({"ready": fine, "parts": parts}, status_code=200 if fine else 503)

    @api.get("/version")
    def tell_version() -> dict[str, str]:
        """The version of the platform."""
        return {"version": version}

    @api.get("/metrics")
    def metrics() -> Response:
        """Prometheus text format."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return api
