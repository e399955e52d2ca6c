"""How errors look under `/v1`: OpenAI's nested object, 400 for bad input, rate-limit headers on every answer."""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from shuyuan.kernel import clock
from shuyuan.kernel import errors as kernel_errors
from shuyuan.maas.gateway import interface, quota, wire


def error_page(request: Request, error: kernel_errors.ShuyuanError) -> Response:
    """The answer to an error of any route under `/v1`, known or not."""
    status = 400 if isinstance(error, kernel_errors.Malformed) else error.status
    response = JSONResponse(wire.error_body(error, status), status_code=status)
    allowances = getattr(request.state, "allowances", ())
    if isinstance(error, interface.QuotaFull):
        allowances = error.allowances
        response.headers["x-should-retry"] = "false"  # the official client would try again at once
    response.headers.update(quota.headers(allowances, clock.now()))
    return response
