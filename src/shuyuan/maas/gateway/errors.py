"""How errors look under `/v1`: OpenAI's nested object, 400 for bad input, rate-limit headers on every answer."""

import time
from collections.abc import Mapping

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from shuyuan.kernel import clock
from shuyuan.kernel import errors as kernel_errors
from shuyuan.maas.gateway import interface, wire
from shuyuan.maas.gateway.books import quota

_CODES = ("bad_input", "too_much", "context_length_exceeded")
_FIELDS: Mapping[str, str] = {  # address → the field whose text is too long or empty where an error names none
    "/v1/chat/completions": "messages",
    "/v1/completions": "prompt",
    "/v1/embeddings": "input",
    "/v1/moderations": "input",
    "/v1/audio/speech": "input",
    "/v1/images/generations": "prompt",
    "/v1/services/summarize": "text",
    "/v1/services/translate": "text",
    "/v1/services/keywords": "text",
    "/v1/services/sentiment": "text",
    "/v1/services/predict": "rows",
}

_OF_CODE: Mapping[str, str] = {  # the field that every error of this kind is about where it names none
    "model_not_found": "model",
    "model_not_pulled": "model",
    "not_claimed": "model",
    "runner_not_installed": "model",
}
_SENT_AS_FILE = ("bad_image", "image_too_large", "bad_audio")
_INSTEAD: Mapping[str, str] = {  # what other servers have under `/v1` and this one does not
    "/v1/responses": "use /v1/chat/completions",
    "/v1/assistants": "use /v1/chat/completions",
    "/v1/images/edits": "use /v1/images/generations",
}


def error_page(request: Request, error: kernel_errors.ShuyuanError) -> Response:
    """The answer to an error of any route under `/v1`, known or not."""
    if error.status == 404 and (other := _INSTEAD.get(request.url.path)):
        error = kernel_errors.NotFound(f"{request.url.path} is not offered here", fix=other)
    status = 400 if isinstance(error, kernel_errors.Malformed) else error.status
    allowances, told = getattr(request.state, "allowances", ()), {}
    if isinstance(error, interface.QuotaFull):
        allowances = error.allowances
        if not isinstance(error, interface.StreamsFull):
            told["x-should-retry"] = "false"  # the official client would try again at once
    began = getattr(request.state, "began", None)  # None: refused before any route was asked
    told["x-shuyuan-overhead-ms"] = f"{(time.perf_counter() - began) * 1000:.2f}" if began else "0.00"
    told |= quota.headers(allowances, clock.now())
    body = wire.error_body(error, status)
    if body["error"]["param"] is None:
        body["error"]["param"] = _field(request, error.error_code)
    return JSONResponse(body, status_code=status, headers=told)


def answer(request: Request, error: kernel_errors.ShuyuanError) -> Response:
    """`error_page` as the application answers with it: Retry-After where it is worth trying again."""
    response = error_page(request, error)
    if isinstance(error, kernel_errors.RateLimited | kernel_errors.Unavailable):
        response.raw_headers.append((b"retry-after", str(max(1, round(error.retry_after_s))).encode()))
    return response


def _field(request: Request, code: str) -> str | None:
    """The field an error is about, by its kind and address."""
    if code in _CODES:
        return _FIELDS.get(request.url.path)
    if code in _SENT_AS_FILE and request.headers.get("content-type", "").startswith("multipart/"):
        return "file"
    return _OF_CODE.get(code)
