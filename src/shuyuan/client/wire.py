"""One HTTP connection with a key: asks, reads JSON, and turns every refusal into an ApiError. Waits with patience."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

TIMEOUT_S = 60.0
LOOK_EVERY_S, LOOK_AT_LEAST_EVERY_S = 0.2, 2.0
_CHUNK_BYTES = 1 << 20
Json = Any  # Any: JSON of the public API
T = TypeVar("T")


class ApiError(Exception):
    """The server said no, or none was there. code: for programs.  message: names the value.  fix: what to do.

    status: HTTP; 0 where no server answered.
    """

    def __init__(self, status: int, code: str, message: str, fix: str = "") -> None:
        super().__init__(f"{message} [{code}]" + (f" → {fix}" if fix else ""))
        self.status, self.code, self.message, self.fix = status, code, message, fix


class Failed(ApiError):
    """Work that was taken in and did not succeed: a run, a report, a compression, a pipeline."""


class Wire:
    """The connection. Closed by whoever opened it."""

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float = TIMEOUT_S) -> None:
        headers = {"authorization": f"Bearer {api_key}", "accept": "application/json"}
        self._http = httpx.Client(base_url=base_url.rstrip("/"), headers=headers, timeout=timeout_s)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, path: str, **query: object) -> Json:
        """JSON of a GET."""
        return self._ask("GET", path, params=_told(query))

    def post(self, path: str, body: object = None, **query: object) -> Json:
        """JSON of a POST with a JSON body."""
        return self._ask("POST", path, params=_told(query), json={} if body is None else body)

    def put(self, path: str, body: object) -> Json:
        """JSON of a PUT with a JSON body."""
        return self._ask("PUT", path, json=body)

    def delete(self, path: str, body: object = None) -> None:
        """A DELETE, with a JSON body where there is something to say."""
        self._ask("DELETE", path, **({} if body is None else {"json": body}))

    def send(self, path: str, source: Path, **query: object) -> Json:
        """JSON of a POST whose body is a file, streamed. Raises FileNotFoundError before anything is asked."""
        source.stat()
        return self._ask("POST", path, params=_told(query), content=_chunks(source))

    def fetch(self, path: str, target: Path, **query: object) -> Path:
        """Write the body of a GET to `target`; nothing stays where it breaks off."""
        partial = target.with_name(target.name + ".partial")
        try:
            with self._reached(), self._http.stream("GET", path, params=_told(query)) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                with partial.open("wb") as out:
                    for chunk in answer.iter_bytes(_CHUNK_BYTES):
                        out.write(chunk)
            return partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _ask(self, method: str, path: str, **given: Any) -> Json:  # Any: as httpx takes them
        with self._reached():
            answer = self._http.request(method, path, **given)
        if answer.is_error:
            raise _refusal(answer)
        return answer.json() if answer.content else None

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as silent:
            raise ApiError(
                0, "unreachable", f"no server answers at {self._http.base_url}: {silent}", "start it with `shuyuan up`"
            ) from silent


def until(look: Callable[[], T], is_done: Callable[[T], bool], timeout_s: float) -> T:
    """Look again and again, ever more patiently. Raises TimeoutError."""
    end, wait_s = time.monotonic() + timeout_s, LOOK_EVERY_S
    while not is_done(found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"not finished after {timeout_s:g} s: wait longer, or look at it again later")
        time.sleep(wait_s)
        wait_s = min(wait_s * 1.3, LOOK_AT_LEAST_EVERY_S)
    return found


def failed(what: str, state: str, error: Mapping[str, str] | None) -> Failed:
    """The error of work that ended badly."""
    told = error or {}
    return Failed(200, told.get("code", state), told.get("message", f"{what} is {state}"), told.get("fix", ""))


def _refusal(answer: httpx.Response) -> ApiError:
    try:
        body = answer.json()
        told = body.get("error", {})
    except (ValueError, AttributeError):
        told = {}
    if not isinstance(told, dict):  # /v2 puts the words there, and the code beside them
        told = {**body, "message": str(told)}
    words = str(told.get("message") or answer.reason_phrase)
    return ApiError(answer.status_code, str(told.get("code", "http_error")), words, str(told.get("fix", "")))


def _told(query: Mapping[str, object]) -> dict[str, Any]:  # Any: as httpx takes them
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }


def _chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
