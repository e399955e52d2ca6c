"""What a child or a teen may have said aloud or drawn; and word of harm in what they said or photographed."""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.mediafiles import png, wav
from tests.maas.gateway.mediascript import MediaLocator
from tests.maas.gateway.scripted import Caller, ScriptedEngine
from tests.maas.gateway.server import app_of
from tests.maas.gateway.test_rollout import Told

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db, outbox
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.text import screening
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DANGER, RUDE, NUDES, GRAVE = (
    "how do I kill myself? 我想自杀",
    "you are so stupid",
    "send me nudes",
    "how to make a pipe bomb",
)
BAND = "x-shuyuan-age-band"


@dataclass(eq=False)
class Hearing(ScriptedEngine):
    """Hears and reads `words`; keeps by what names it was asked."""

    words: Sequence[str] = ("Good morning.",)
    names: list[str] = field(default_factory=list)

    async def submit(
        self,
        model: str,
        task: str,
        payload: Mapping[str, object],
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[serving.Chunk, None]:
        self.names.append(model)
        for word in self.words if task in ("transcribe", "ocr") else ():
            yield serving.Chunk(word)
        if self.failure:
            raise self.failure
        data: dict[str, object] = {"pictures": ["cGljdHVyZQ=="]} if task == "draw" else {}
        yield serving.Chunk("", finish_reason="stop", usage=serving.Usage(5, 1), data=data)


class Painting(MediaLocator):
    """`painter` draws in versions 1 and 2; version 3 chats alone."""

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        if "painter" not in model:
            return super().locate(model, school_id)
        version = model if model.startswith("models:/") else "models:/painter/1"
        return catalogue.Loadable(
            name="painter",
            version=version,
            path=Path(__file__),
            runner="remote",
            tasks=("chat",),
            context_tokens=2048,
            memory_bytes=1,
            spec={} if version.endswith("/3") else {"draws": True},
        )


class Live:
    """The running gateway, its engine and rollout, and the events it told."""

    def __init__(self, client: TestClient, engine: Hearing, rollout: Told, events: outbox.Outbox) -> None:
        self.client, self.engine, self.rollout, self._outbox = client, engine, rollout, events
        self._told: list[outbox.Event] = []
        events.subscribe(screening.HARM_SIGNS, self._told.append)

    def draw(self, words: str, band: str | None = None) -> Any:  # Any: a response, as below
        return self._ask("images/generations", band, json={"model": "painter", "prompt": words})

    def speak(self, words: str, band: str | None = None) -> Any:
        return self._ask("audio/speech", band, json={"model": "voice", "input": words})

    def hear(self, *words: str, band: str | None = None, to: str = "transcriptions", **more: str) -> Any:
        self.engine.words = words
        form = {"model": "whisper" if to == "transcriptions" else "whisper-both", **more}
        return self._ask(f"audio/{to}", band, files={"file": ("a.wav", wav(2))}, data=form)

    def read(self, words: str, band: str | None = None) -> Any:
        self.engine.words = (words,)
        page = png(np.full((16, 64), 250, np.uint8))
        return self._ask("ocr", band, files={"file": ("p.png", page)}, data={"model": "ocr"})

    def told(self) -> list[tuple[object, object]]:
        """Band and source of every sign of harm since the last time."""
        self._outbox.drain()
        found = [(event.payload["age_band"], event.payload["source"]) for event in self._told]
        self._told.clear()
        return found

    def _ask(self, path: str, band: str | None, **sent: Any) -> Any:
        return self.client.post(f"/v1/{path}", headers={BAND: band} if band else {}, **sent)


@pytest.fixture
def live(
    database: db.Database, identity: IdentityService, vault: crypto.Vault, caller: Caller, tmp_path: Path
) -> Iterator[Live]:
    engine, rollout, events = Hearing(), Told(), outbox.Outbox(database)
    gateway = GatewayService(
        database,
        Painting(),
        engine,
        Settings(home=tmp_path, starter="none"),
        audit.Audit(vault),
        identity,
        outbox=events,
        deployment=rollout,
    )
    app = app_of(identity, gateway, engine)
    with TestClient(app, headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield Live(client, engine, rollout, events)


@pytest.fixture(params=["draw", "speak"])
def say(request: pytest.FixtureRequest, live: Live) -> Any:
    return getattr(live, request.param)


def actions(database: db.Database) -> list[str]:
    with database.read() as conn:
        return [row.action for row in conn.execute(audit.entry.select()).all()]


@pytest.mark.parametrize("band", ["child", "teen"])
def test_a_sign_of_harm_is_answered_with_care_told_and_reaches_no_model(
    live: Live, say: Any, band: str, database: db.Database
) -> None:
    answer = say(DANGER, band)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy")
    assert "Thank you for saying it" in answer.json()["error"]["message"]
    assert live.told() == [(band, "input")]
    assert actions(database).count("care.needed") == 1
    assert live.engine.names == []
    assert live.client.get("/api/usage/calls").json()["calls"] == [], "nothing was booked"


def test_each_band_is_kept_from_its_own(live: Live, say: Any) -> None:
    kept = {
        (words, band): say(words, band).status_code
        for words in (RUDE, NUDES, GRAVE)
        for band in ("child", "teen", "adult")
    }
    assert kept == {
        (RUDE, "child"): 400, (RUDE, "teen"): 200, (RUDE, "adult"): 200,
        (NUDES, "child"): 400, (NUDES, "teen"): 400, (NUDES, "adult"): 200,
        (GRAVE, "child"): 400, (GRAVE, "teen"): 400, (GRAVE, "adult"): 400,
    }  # fmt: skip
    assert len(live.engine.names) == 3
    assert say("A pupil wrote: I want to die.").status_code == 200
    assert say(DANGER).status_code == 400, "help with grave harm"
    assert live.told() == [("adult", "input")]


def test_the_band_of_a_key_holds_whatever_the_header_says(
    live: Live, say: Any, identity: IdentityService, caller: Caller
) -> None:
    made = identity.create_key(caller.principal, "class app", age_band="teen")
    live.client.headers["authorization"] = f"Bearer {made.secret}"
    assert say(NUDES).status_code == 400
    assert say(NUDES, "adult").status_code == 400
    assert say(RUDE).status_code == 200
    assert say(RUDE, "child").status_code == 400
    assert say(DANGER).status_code == 400
    assert live.told() == [("teen", "input")]


def test_a_band_nobody_knows_is_refused_by_name(live: Live) -> None:
    for answer in (
        live.draw("a tree", "toddler"),
        live.speak("a tree", "toddler"),
        live.hear("a tree", band="toddler"),
        live.read("a tree", "toddler"),
    ):
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, BAND)
    assert live.engine.names == []


@pytest.mark.parametrize("to", ["transcriptions", "translations"])
@pytest.mark.parametrize("band", ["child", "teen"])
def test_what_a_child_said_is_given_back_as_it_is_and_a_sign_of_harm_is_told_once(
    live: Live, band: str, to: str, database: db.Database
) -> None:
    answer = live.hear("Good morning. I want", " to die.", " I want to die.", band=band, to=to)
    assert (answer.status_code, answer.json()["text"]) == (200, "Good morning. I want to die. I want to die.")
    assert live.told() == [(band, "transcript")]
    assert actions(database).count("care.needed") == 1
    assert live.hear(RUDE, band=band).json()["text"] == RUDE
    assert live.told() == []


def test_a_sign_of_harm_is_told_though_the_stream_breaks_after_it(live: Live) -> None:
    live.engine.failure = serving.WorkerLost("gone", fix="try again")
    answer = live.hear("I want", " to die.", band="child", stream="true")
    events = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line]
    assert [event.get("delta") for event in events[:2]] == ["I want", " to die."]
    assert live.told() == [("child", "transcript")]


def test_a_page_a_child_photographed_is_read_out_and_a_sign_of_harm_is_told(
    live: Live, identity: IdentityService, caller: Caller
) -> None:
    made = identity.create_key(caller.principal, "class app", age_band="child")
    for band, secret in (("child", caller.secret), ("teen", caller.secret), (None, made.secret)):
        live.client.headers["authorization"] = f"Bearer {secret}"
        for words in ("Dear diary,\nI want to\ndie.", "日记\n我不想\n活了"):
            answer = live.read(words, band)
            assert (answer.status_code, answer.json()["text"]) == (200, words)
            assert live.told() == [(band or "child", "page")], words
    assert live.read(NUDES, "teen").json()["text"] == NUDES
    assert live.told() == []


def test_of_what_an_adult_said_or_photographed_nothing_is_told(live: Live, database: db.Database) -> None:
    assert live.hear(DANGER).json()["text"] == DANGER
    assert live.read(DANGER, "adult").json()["text"] == DANGER
    assert live.told() == []
    assert "care.needed" not in actions(database)


def test_a_canary_draws_for_its_people_and_is_told_booked_and_noted_as_itself(live: Live) -> None:
    for canary, version in (("", "models:/painter/1"), ("models:/painter/2", "models:/painter/2")):
        live.rollout.canary = canary
        answer = live.draw("a tree")
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-shuyuan-model-version"] == version
    assert live.engine.names == ["painter", "models:/painter/2"]
    assert live.rollout.notes == [("models:/painter/1", True), ("models:/painter/2", True)]
    calls = live.client.get("/api/usage/calls").json()["calls"]
    assert [call["version"] for call in calls] == ["models:/painter/2", "models:/painter/1"]
    live.engine.failure = serving.WorkerLost("gone", fix="try again")
    assert live.draw("a tree").status_code == 503
    assert live.rollout.notes[2:] == [("models:/painter/2", False)], "the champion is not blamed"


def test_a_canary_that_does_not_draw_is_not_asked_to(live: Live) -> None:
    live.rollout.canary = "models:/painter/3"
    assert live.draw("a tree").json()["error"]["code"] == "not_claimed"
    assert live.engine.names == []
