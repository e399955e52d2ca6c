"""The tour holds on an honest platform and on no other: each of its claims is proven able to fail."""

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from tests.journeys import shell, world

from shuyuan.entrypoints import process
from shuyuan.entrypoints.tour import transcript, walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
KEYS = {
    "answers",
    "mastery_before",
    "mastery_after",
    "next",
    "tutor",
    "text_services",
    "embedding_dims",
    "class_view",
    "loop",
    "usage",
    "audit",
    "claims",
    "seconds",
}
ALWAYS = "the server became ready"  # said before the walk; a server that is not ready ends the tour


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:  # Any: JSON
    """The figures of a whole tour, started as somebody types it."""
    file, models = tmp_path_factory.mktemp("tour") / "figures.json", world.with_models("embed")
    said = shell.run("tour", "--starter", "none", "--json", file, environment=models, timeout_s=240)
    assert said.code == 0, said.out
    figures: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return {**figures, "said": said.out}


def test_the_tour_of_an_honest_platform_holds_and_keeps_its_figures(honest: dict[str, Any]) -> None:
    assert set(honest) >= KEYS
    assert honest["answers"] >= 12
    assert honest["mastery_before"] < honest["mastery_after"]
    assert honest["embedding_dims"] == 384
    outcomes = [claim["outcome"] for claim in honest["claims"]]
    assert "failed" not in outcomes
    assert f"{outcomes.count('held')} of {outcomes.count('held')} claims held" in honest["said"]
    assert {"chat", "translation", "a model spoke"} == {
        claim["name"] for claim in honest["claims"] if claim["outcome"] == "not claimed"
    }


def test_no_claim_holds_on_a_platform_that_lies(
    first_start: world.FirstStart, honest: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {claim["name"] for claim in honest["claims"] if claim["outcome"] == "held"}
    tell = transcript.Transcript(Console(quiet=True))
    with world.serving(first_start.copy(tmp_path), environment=world.with_models("embed")) as live:
        monkeypatch.setattr(httpx.Client, "send", Liar(httpx.Client.send).send)
        walk.Walk(live.running, "none", tell).all_steps()
    assert not tell.finish()
    still_held = {claim["name"] for claim in tell.claims if claim["outcome"] == "held"}
    failed = {claim["name"] for claim in tell.claims if claim["outcome"] == "failed"}
    assert still_held == set()
    assert failed == held - {ALWAYS}


def test_a_platform_of_another_shape_ends_the_tour_with_exit_1_and_the_claims_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nonsense(tmp_path) as running:

        @contextmanager
        def server(*_: object) -> Iterator[process.Running]:
            yield running

        monkeypatch.setattr(process, "server", server)
        said = shell.call("tour", "--starter", "none", "--json", tmp_path / "figures.json")
    assert said.code == 1
    assert "failed: the walk went through" in said.out
    claims = json.loads((tmp_path / "figures.json").read_text())["claims"]
    assert [claim["outcome"] for claim in claims] == ["held", "failed"]


def test_a_server_that_does_not_start_ends_the_tour_with_its_last_words() -> None:
    said = shell.run("tour", "--starter", "none", environment={"SHUYUAN_MAX_BODY_BYTES": "0"})
    assert said.code == 1
    assert "the server did not become ready" in said.err
    assert "max_body_bytes" in said.err


def test_what_is_not_claimed_is_said_and_not_counted() -> None:
    tell = transcript.Transcript(Console(quiet=True))
    tell.claim("two and two", True, "4")
    tell.not_claimed("Latin", "the card does not say so")
    assert tell.finish()
    tell.claim("three and three", False, "7")
    assert not tell.finish()
    assert [claim["outcome"] for claim in tell.figures["claims"]] == ["held", "not claimed", "failed"]


Change = Callable[[Any], Any]  # Any: JSON
LIES: list[tuple[str, str, Change]] = [
    (
        "GET",
        r"/api/models",
        lambda told: [
            {**one, "here": False, "progress": {"stage": "failed", "error": "a lie", "bytes_done": 0}} for one in told
        ],
    ),
    (
        "GET",
        r"/api/learners/\w+/next",
        lambda told: {"activities": [{**one, "reason": {"zh": "", "en": ""}} for one in told["activities"]]},
    ),
    (
        "POST",
        r"/api/attempts/\w+/answers",
        lambda told: {
            **told,
            "saved": False,
            "duplicate": False,
            "verdict": {**told["verdict"], "correct": not told["verdict"]["correct"]},
        },
    ),
    ("GET", r"/api/learners/\w+/tutor-transcript", lambda _: {"turns": []}),
    ("POST", r"/v1/services/summarize", lambda told: {**told, "summary": walk.PASSAGE}),
    ("POST", r"/v1/embeddings", lambda told: {**told, "data": [told["data"][place] for place in (0, 2, 1)]}),
    ("POST", r"/v1/services/classify", lambda told: {**told, "label": "history"}),
    ("POST", r"/api/assignments/preview", lambda _: {"preview": []}),
    ("POST", r"/api/papers", lambda _: {"papers": []}),
    (
        "POST",
        r"/api/loop/turn",
        lambda told: {**told, "data_sha256": "", "state": "refused" if told["state"] == "champion" else "champion"},
    ),
    ("GET", r"/api/usage/calls", lambda _: {"calls": []}),
    ("GET", r"/api/audit", lambda _: {"entries": []}),
    ("GET", r"/api/audit/verify", lambda told: {**told, "whole": False}),
]


class Liar:
    """Stands between the walk and the platform and changes what the walk looks at. Remembers masteries and keys."""

    def __init__(self, send: Callable[..., httpx.Response]) -> None:
        self._send, self._mastery, self._key = send, b"", ""

    @property
    def send(self) -> Callable[..., httpx.Response]:
        def lie(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
            honest = self._send(client, request, **options)
            honest.read()
            return self._told(request, honest)

        return lie

    def _told(self, request: httpx.Request, honest: httpx.Response) -> httpx.Response:
        path = request.url.path
        if path == "/learn/today":
            return httpx.Response(503, request=request)
        if path.endswith("/mastery"):  # stands still
            self._mastery = self._mastery or honest.content
            return httpx.Response(200, content=self._mastery, request=request)
        if path.endswith("/key"):
            self._key = str(next(iter(honest.json()["key"].values())))
        if path.endswith("/tutor"):  # no hint, no passage, but the answer
            told = {"kind": "sentence", "text": f"It is {self._key}."}
            return httpx.Response(200, text=f"data: {json.dumps(told)}\n\n", request=request)
        for method, pattern, change in LIES:
            if request.method == method and re.fullmatch(pattern, path):
                return httpx.Response(honest.status_code, json=change(honest.json()), request=request)
        return honest


@contextmanager
def nonsense(home: Path) -> Iterator[process.Running]:
    """A server that answers everything with an empty list."""

    class Nonsense(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    people = [{"role": role, "login": role, "password": "x"} for role in ("student", "teacher", "admin")]
    (home / "demo.json").write_text(json.dumps({"accounts": people, "api_key": "sk-x"}))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield process.Running(f"http://127.0.0.1:{server.server_port}", home, None, 0.0)  # type: ignore[arg-type]
        finally:
            server.shutdown()
            thread.join()
