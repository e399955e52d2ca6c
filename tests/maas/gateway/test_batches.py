"""`/v1/batches` over HTTP on both databases, run by real DBOS: answered, charged, held back, ended with the reason."""

import io
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.maas.gateway import mediascript
from tests.maas.gateway.batching import CHAT, ENDED, begin, jsonl_of, line, lines_of, until, wait
from tests.maas.gateway.mediafiles import wav
from tests.maas.gateway.mediascript import MediaEngine, app_on
from tests.maas.gateway.scripted import Caller, new_caller

from shuyuan.compose import Platform
from shuyuan.kernel import audit, clock
from shuyuan.maas.gateway.batch import batches, batchwork, blobs, files, jobstore
from shuyuan.maas.serving import interface as serving


@pytest.fixture
def engine() -> MediaEngine:
    return MediaEngine()


@pytest.fixture
def caller(media: Platform) -> Caller:
    return new_caller(media.get("identity"), media.get("db"))


@pytest.fixture
def client(media: Platform, caller: Caller) -> Iterator[TestClient]:
    with TestClient(app_on(media), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


def test_every_line_is_answered_charged_and_in_order_errors_apart(client: TestClient, engine: MediaEngine) -> None:
    engine.failing["boom"] = serving.DeadlineExceeded("too slow", fix="ask for less")
    many = [line(n, "boom" if n == 40 else f"question {n}") for n in range(1, 71)]
    many[6]["body"]["max_tokens"] = "a lot"
    batch = begin(client, jsonl_of(*many))
    assert (batch["object"], batch["request_counts"]["total"]) == ("batch", 70)
    done = wait(client, batch)
    assert (done["status"], done["request_counts"]) == ("completed", {"total": 70, "completed": 68, "failed": 2})
    answers = lines_of(client, done["output_file_id"])
    assert [one["custom_id"] for one in answers] == [f"q{n}" for n in range(1, 71) if n not in (7, 40)]
    assert answers[0]["response"]["body"]["choices"][0]["message"]["content"] == "Hello"
    assert answers[0]["response"]["status_code"] == 200
    failed = {one["custom_id"]: one["response"] for one in lines_of(client, done["error_file_id"])}
    assert failed["q7"]["status_code"] == 400
    assert "max_tokens" in failed["q7"]["body"]["error"]["message"]
    assert (failed["q40"]["status_code"], failed["q40"]["body"]["error"]["code"]) == (504, "deadline_exceeded")
    told = client.get("/api/usage/calls?limit=100").json()["calls"]
    assert sorted(call["status"] for call in told) == ["released"] + ["settled"] * 68


def test_the_age_band_of_the_key_holds_in_a_batch_too(client: TestClient, media: Platform, caller: Caller) -> None:
    made = media.get("identity").create_key(caller.principal, "class app", age_band="teen")
    client.headers["authorization"] = f"Bearer {made.secret}"
    done = wait(
        client,
        begin(client, jsonl_of(line(1, "send me nudes"), line(2, "What are like terms?"))),
    )
    assert done["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    (kept,) = lines_of(client, done["error_file_id"])
    assert kept["response"]["body"]["error"]["code"] == "content_policy"


def test_lines_that_may_not_run_at_once_wait_for_each_other(
    client: TestClient, media: Platform, caller: Caller, engine: MediaEngine
) -> None:
    engine.slow_s = 0.05
    media.get("gateway").set_limits(
        caller.admin, "account", caller.principal.account_id, tokens=None, requests=None, streams=1
    )
    done = wait(client, begin(client, jsonl_of(*(line(n) for n in range(6)))))
    assert done["request_counts"] == {"total": 6, "completed": 6, "failed": 0}


def test_a_batch_waits_for_what_stays_busy(
    client: TestClient, media: Platform, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batchwork, "TRIES", 2)
    monkeypatch.setattr(batchwork, "LONGEST_WAIT_S", 0.01)
    media.get("gateway").set_limits(
        caller.admin, "account", caller.principal.account_id, tokens=None, requests=None, streams=0
    )
    paused = wait(
        client,
        begin(client, jsonl_of(line(1))),
        lambda told: told["paused_until"] is not None,
    )
    assert (paused["pause_reason"], paused["request_counts"]["failed"]) == ("too_many_at_once", 0)


def test_a_sign_of_harm_in_sound_written_down_later_is_told(
    client: TestClient, media: Platform, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediascript, "SEGMENTS", [{"start_s": 0.0, "end_s": 2.0, "text": "I want to die."}])
    made = media.get("identity").create_key(caller.principal, "class app", age_band="child")
    client.headers["authorization"] = f"Bearer {made.secret}"
    form = {"model": "whisper", "background": "true"}
    later = client.post("/v1/audio/transcriptions", files={"file": ("diary.wav", wav(150))}, data=form)
    done = wait(client, later.json())
    assert done["request_counts"]["completed"] == 1, "nothing is kept from the one who said it"
    with media.get("db").read() as conn:
        told = [row.action for row in conn.execute(audit.entry.select()).all()]
    assert told.count("care.needed") == 1


def test_embeddings_and_long_sound_run_as_batches_too(client: TestClient) -> None:
    asked = {"model": "embed", "input": ["like terms"]}
    vectors = {"custom_id": "v", "method": "POST", "url": "/v1/embeddings", "body": asked}
    done = wait(client, begin(client, jsonl_of(vectors), "/v1/embeddings"))
    (answer,) = lines_of(client, done["output_file_id"])
    assert len(answer["response"]["body"]["data"][0]["embedding"]) == 384
    form = {"model": "whisper", "background": "true", "response_format": "srt"}
    later = client.post("/v1/audio/transcriptions", files={"file": ("lesson.wav", wav(150))}, data=form)
    assert later.status_code == 202
    done = wait(client, later.json())
    (said,) = lines_of(client, done["output_file_id"])
    assert said["response"]["body"]["text"].startswith("1\n00:00:00,000 -->")
    too_long = client.post(
        "/v1/audio/transcriptions", files={"file": ("day.wav", wav(2999) + b"")}, data={"model": "whisper"}
    )
    assert too_long.json()["error"]["code"] == "audio_too_long"
    assert "background=true" in too_long.json()["error"]["message"]


def test_a_batch_can_be_cancelled_and_keeps_what_is_answered(client: TestClient, engine: MediaEngine) -> None:
    engine.slow_s = 0.05
    batch = begin(client, jsonl_of(*(line(n) for n in range(1, 201))))
    wait(client, batch, lambda b: b["request_counts"]["completed"] > 3)
    assert client.post(f"/v1/batches/{batch['id']}/cancel").json()["status"] == "cancelling"
    done = wait(client, batch)
    assert done["status"] == "cancelled"
    assert 3 < done["request_counts"]["completed"] < 200
    assert len(lines_of(client, done["output_file_id"])) == done["request_counts"]["completed"]
    again = client.post(f"/v1/batches/{batch['id']}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_a_full_quota_pauses_the_batch_and_more_of_it_lets_it_go_on(
    client: TestClient, media: Platform, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batchwork, "LOOK_AGAIN_S", 1.0)
    account = caller.principal.account_id
    media.get("gateway").set_limits(caller.admin, "account", account, tokens=None, requests=3)
    batch = begin(client, jsonl_of(*(line(n) for n in range(1, 7))))
    paused = wait(client, batch, lambda b: b["pause_reason"] is not None)
    assert (paused["status"], paused["pause_reason"]) == ("in_progress", "insufficient_quota")
    assert paused["request_counts"]["completed"] == 3
    assert paused["paused_until"] > time.time()
    media.get("gateway").set_limits(caller.admin, "account", account, tokens=None, requests=100)
    done = wait(client, batch)
    assert (done["status"], done["request_counts"]["completed"], done["pause_reason"]) == ("completed", 6, None)


def test_a_quota_that_stays_full_ends_the_batch_with_the_reason(
    client: TestClient, media: Platform, caller: Caller
) -> None:
    media.get("gateway").set_limits(
        caller.admin, "account", caller.principal.account_id, tokens=None, requests=2, period="month"
    )
    now = clock.now()
    if (now.replace(day=28) + timedelta(days=4)).replace(day=1) - now < timedelta(days=1):
        pytest.skip("the month ends within a day: the batch would wait for it")
    done = wait(client, begin(client, jsonl_of(*(line(n) for n in range(1, 5)))))
    assert (done["status"], done["request_counts"]) == ("failed", {"total": 4, "completed": 2, "failed": 2})
    assert done["errors"]["data"][0]["code"] == "insufficient_quota"
    assert len(lines_of(client, done["output_file_id"])) == 2
    assert {one["error"]["code"] for one in lines_of(client, done["error_file_id"])} == {"insufficient_quota"}


def test_a_batch_ends_with_the_account_or_the_key_that_made_it(
    client: TestClient, media: Platform, caller: Caller, engine: MediaEngine
) -> None:
    engine.slow_s = 0.05
    batch = begin(client, jsonl_of(*(line(n) for n in range(1, 101))))
    wait(client, batch, lambda b: b["status"] == "in_progress")
    made_with = caller.principal.key_id
    assert made_with is not None
    media.get("identity").revoke_key(caller.principal, made_with)
    done = _wait_inside(media, caller, batch)
    assert done.status == "failed"
    assert "revoked" in done.errors[0]["message"]


def test_after_a_day_what_is_unanswered_has_expired(client: TestClient, media: Platform, engine: MediaEngine) -> None:
    engine.slow_s = 0.05
    batch = begin(client, jsonl_of(*(line(n) for n in range(1, 101))))
    wait(client, batch, lambda b: b["request_counts"]["completed"] > 0)
    batch_id = batch["id"].removeprefix(batches.PREFIX)
    media.get("db").write(
        lambda uow: jobstore.change(uow, batch_id, jobstore.ACTIVE, expires_at=uow.now - timedelta(seconds=1))
    )
    done = wait(client, batch)
    counts = done["request_counts"]
    assert done["status"] == "expired"
    assert counts["completed"] + counts["failed"] == 100
    expired = lines_of(client, done["error_file_id"])
    assert len(expired) == counts["failed"]
    assert {one["error"]["code"] for one in expired} == {"batch_expired"}


@pytest.mark.parametrize("loss", ["gone", "damaged", "cut off"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_batch_whose_file_is_lost_ends_with_the_reason_and_keeps_what_is_answered(
    client: TestClient, media: Platform, engine: MediaEngine, loss: str
) -> None:
    engine.slow_s = 0.05
    batch = begin(client, jsonl_of(*(line(n, "words " * 500) for n in range(1, 101))))
    wait(client, batch, lambda b: b["request_counts"]["completed"] > 3)
    content = media.settings.home / "artefacts" / "files" / batch["input_file_id"].removeprefix(files.PREFIX)
    if loss == "gone":
        content.unlink()
    else:
        whole, piece = content.read_bytes(), blobs.PIECE_BYTES + 28
        content.write_bytes(whole[:piece] if loss == "cut off" else whole[:piece] + bytes(len(whole) - piece))
    done = wait(client, batch)
    counts = done["request_counts"]
    assert done["status"] == "failed"
    assert loss in done["errors"]["data"][0]["message"]
    assert 3 < counts["completed"] < 100
    assert counts["completed"] + counts["failed"] == 100
    assert len(lines_of(client, done["output_file_id"])) == counts["completed"]


@pytest.mark.parametrize("where", ["job", "keys", "keep"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_or_a_disk_that_is_away_only_puts_the_batch_off(
    client: TestClient, media: Platform, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(batchwork, "LOOK_AGAIN_S", 0.05)
    home = {"job": jobstore, "keys": media.get("identity"), "keep": media.get("files")}[where]
    real, broken = getattr(home, where), list[str]()

    def away(*args: Any, **named: Any) -> Any:
        inside = where != "keep" or args[3] == "batch_output"
        if inside and len(broken) < 2 and not threading.current_thread().name.startswith("AnyIO"):
            broken.append(where)
            raise OSError(28, "away")
        return real(*args, **named)

    monkeypatch.setattr(home, where, away)
    done = wait(client, begin(client, jsonl_of(*(line(n) for n in range(1, 4)))))
    assert len(broken) == 2
    assert (done["status"], done["request_counts"]["completed"]) == ("completed", 3)


def test_an_exam_holds_batches_back(
    client: TestClient, media: Platform, caller: Caller, engine: MediaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batchwork, "LOOK_AGAIN_S", 1.0)
    identity, school = media.get("identity"), caller.principal.school_id

    def examine(until: Any) -> None:
        media.get("db").write(lambda uow: identity.suspend_models(uow, school_id=school, group_id="class", until=until))

    media.get("db").write(
        lambda uow: identity.add_to_group(
            uow, school_id=school, group_id="class", account_ids=[caller.principal.account_id]
        )
    )
    batch = begin(client, jsonl_of(line(1)))
    done = wait(client, batch)
    assert done["status"] == "completed"
    examine(clock.now() + timedelta(hours=1))
    source = media.get("files").create(caller.principal, "late.jsonl", "batch", io.BytesIO(jsonl_of(line(1))))
    late = media.get("batches").create(caller.principal, source.id, CHAT)
    until(lambda: media.get("batches").get(caller.principal, late.id).pause_reason == "suspended")
    assert len([asked for asked in engine.asked if asked["task"] == "chat"]) == 1
    examine(None)
    assert _wait_inside(media, caller, late.to_dict()).status == "completed"


def _wait_inside(media: Platform, caller: Caller, batch: Any) -> batches.Batch:
    jobs: batches.Batches = media.get("batches")
    until(lambda: jobs.get(caller.principal, batch["id"]).status in ENDED)
    return jobs.get(caller.principal, batch["id"])
