"""A batch file: one request a line, read once from end to end before any of it is kept. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from shuyuan.kernel import errors

MAX_LINES, MAX_LINE_BYTES, MAX_ID_CHARS = 100_000, 1_000_000, 128
CHUNK_LINES = 32
TRANSCRIPTIONS = "/v1/audio/transcriptions"
ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/moderations", TRANSCRIPTIONS)
_FIELDS = {"custom_id", "method", "url", "body"}


class BadLine(errors.BadInput):
    """A line that is no request. `param` says which."""

    code = "invalid_batch_file"

    def __init__(self, number: int, message: str, *, fix: str) -> None:
        super().__init__(f"line {number}: {message}", fix=fix)
        self.param = f"line {number}"


@dataclass(frozen=True)
class Scan:
    """What a batch file holds: how many requests, to which endpoint, and where each chunk of them begins."""

    endpoint: str
    lines: int
    size_bytes: int
    offsets: tuple[int, ...]


@dataclass(frozen=True)
class Request:
    """One line."""

    custom_id: str
    url: str
    body: dict[str, Any]  # Any: JSON


def scan(source: IO[bytes]) -> Scan:
    """Check every line; blank ones may only end the file. Raises BadLine; TooLarge over 100,000 lines."""
    seen, offsets, endpoint, at, blank = set[str](), list[int](), "", 0, 0
    for number, raw in enumerate(_lines(source), 1):
        if not raw.strip():
            blank = blank or number
            continue
        if blank:
            raise BadLine(blank, "the line is blank", fix="delete it: only the end of a file may be blank")
        request = read(raw, number)
        if request.custom_id in seen:
            raise BadLine(number, f"custom_id {request.custom_id!r} stands twice", fix="give each line its own")
        if endpoint and request.url != endpoint:
            raise BadLine(number, f"url {request.url!r}, the lines before have {endpoint!r}", fix="use one url a file")
        if number % CHUNK_LINES == 1:
            offsets.append(at)
        seen.add(request.custom_id)
        endpoint, at = request.url, at + len(raw)
    if not seen:
        raise BadLine(1, "the file holds no request", fix="send one JSON object a line")
    return Scan(endpoint, len(seen), at, tuple(offsets))


def read(raw: bytes, number: int) -> Request:
    """One line. Raises BadLine naming the field and the fix."""
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as wrong:
        raise BadLine(number, f"not JSON: {wrong}", fix="write one JSON object a line, in UTF-8") from wrong
    if not isinstance(told, dict) or set(told) != _FIELDS:
        raise BadLine(number, _unlike(told)[:200], fix="give custom_id, method, url and body, and nothing else")
    custom_id, body = told["custom_id"], told["body"]
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= MAX_ID_CHARS:
        raise BadLine(number, f"custom_id {str(custom_id)[:80]!r}", fix=f"use 1 to {MAX_ID_CHARS} characters")
    if told["method"] != "POST":
        raise BadLine(number, f"method {str(told['method'])[:20]!r}", fix="use POST")
    if told["url"] not in ENDPOINTS:
        raise BadLine(number, f"url {str(told['url'])[:80]!r} is not served", fix=f"use {', '.join(ENDPOINTS)}")
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise BadLine(number, "the body names no model", fix='send {"model": "…", …}')
    if body.get("stream"):
        raise BadLine(number, "stream is not possible in a batch", fix="leave it out")
    return Request(custom_id, told["url"], body)


def _lines(source: IO[bytes]) -> Iterator[bytes]:
    """Each line with its end. Raises BadLine for an endless one, TooLarge for too many."""
    number = 0
    while raw := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number > MAX_LINES:
            raise errors.TooLarge(f"more than {MAX_LINES} lines", fix="send several files", code="too_many_lines")
        if len(raw) > MAX_LINE_BYTES:
            raise BadLine(number, f"more than {MAX_LINE_BYTES} bytes", fix="send shorter requests")
        yield raw


def _unlike(told: object) -> str:
    if not isinstance(told, dict):
        return f"a {type(told).__name__} where an object is expected"
    missing, unknown = sorted(_FIELDS - set(told)), sorted(set(told) - _FIELDS)
    said = [("missing: " + ", ".join(missing)) * bool(missing), ("unknown: " + ", ".join(unknown)) * bool(unknown)]
    return "; ".join(one for one in said if one)
