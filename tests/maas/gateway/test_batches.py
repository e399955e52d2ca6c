"""`/v1/files` and `/v1/batches` by the official client and over HTTP, on both databases, run by real DBOS."""

import contextlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import openai
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient
from tests.maas.gateway import mediascript
from tests.maas.gateway.mediafiles import wav
from tests.maas.gateway.mediascript import MediaEngine, app_on, platform_on
from tests.maas.gateway.scripted import Caller, new_caller
from tests.maas.gateway.server import running

from shuyuan.compose import Platform
from shuyuan.kernel import audit, clock
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway.batch import batches, batchwork, blobs, files, jobstore, jobtables, jsonl
from shuyuan.maas.serving import interface as serving

CHAT: Final = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")


@pytest.fixture
def engine() -> MediaEngine:
    return MediaEngine()


@pytest.fixture
def media(database_url: str, tmp_path: Path, engine: MediaEngine) -> Iterator[Platform]:
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="none", port=0)
    platform = platform_on(settings, engine)
    yield platform
    platform.close()


@pytest.fixture
def caller(media: Platform) -> Caller:
    return new_caller(media.get("identity"), media.get("db"))


@pytest.fixture
def client(media: Platform, caller: Caller) -> Iterator[TestClient]:
    with TestClient(app_on(media), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


def line(number: int, says: str = "hi", url: str = CHAT, **body: object) -> dict[str, Any]:
    asked = {"model": "tiny", "messages": [{"role": "user", "content": says}], "max_tokens": 5, **body}
    return {"custom_id": f"q{number}", "method": "POST", "url": url, "body": asked}


def jsonl_of(*lines: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def upload(client: TestClient, content: bytes, purpose: str = "batch") -> Any:
    return client.post("/v1/files", files={"file": ("questions.jsonl", content)}, data={"purpose": purpose})


def begin(client: TestClient, content: bytes, endpoint: str = CHAT) -> Any:
    sent = upload(client, content)
    assert sent.status_code == 200, sent.text
    asked = {"input_file_id": sent.json()["id"], "endpoint": endpoint, "completion_window": "24h"}
    begun = client.post("/v1/batches", json=asked)
    assert begun.status_code == 200, begun.text
    return begun.json()


def wait(client: TestClient, batch: Any, done: Callable[[Any], bool] = lambda b: b["status"] in ENDED) -> Any:
    for _ in range(600):
        told = client.get(f"/v1/batches/{batch['id']}").json()
        if done(told):
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def lines_of(client: TestClient, file_id: str) -> list[Any]:
    return [json.loads(one) for one in client.get(f"/v1/files/{file_id}/content").text.splitlines()]


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
    done = wait(client, begin(client, jsonl_of(line(1, "send me nudes"), line(2, "What are like terms?"))))
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
    paused = wait(client, begin(client, jsonl_of(line(1))), lambda told: told["paused_until"] is not None)
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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_expires_before_its_batch_would_is_refused(client: TestClient, media: Platform) -> None:
    file_id = upload(client, jsonl_of(line(1))).json()["id"]
    for hours, status in ((23, 400), (25, 200)):
        until = clock.now() + timedelta(hours=hours)
        media.get("db").write(
            lambda uow, until=until: uow.conn.execute(update(jobtables.file).values(expires_at=until))
        )
        asked = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
        answer = client.post("/v1/batches", json=asked)
        assert answer.status_code == status, answer.text
        assert status == 200 or "upload it again" in answer.json()["error"]["message"]


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
    _until(lambda: media.get("batches").get(caller.principal, late.id).pause_reason == "suspended")
    assert len([asked for asked in engine.asked if asked["task"] == "chat"]) == 1
    examine(None)
    assert _wait_inside(media, caller, late.to_dict()).status == "completed"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (jsonl_of(line(1)) + b"{not json}\n", "line 2: not JSON"),
        (jsonl_of(line(1), line(1)), "line 2: custom_id 'q1' stands twice"),
        (
            jsonl_of(line(1), line(2, url="/v1/images/generations")),
            "line 2: url '/v1/images/generations' is not served",
        ),
        (jsonl_of(line(1), line(2, url="/v1/embeddings")), "line 2: url '/v1/embeddings', the lines before have"),
        (jsonl_of({"custom_id": "a"}), "line 1: missing: body, method, url"),
        (jsonl_of({**line(1), "method": "GET"}), "line 1: method 'GET'"),
        (jsonl_of(line(1, stream=True)), "line 1: stream is not possible"),
        (jsonl_of({**line(1), "body": {}}), "line 1: the body names no model"),
        (b"\xff\xfe\n", "line 1: not JSON"),
        (b"[" * 900_000, "line 1: not JSON"),
        (b'"' + b"x" * 1_000_001, "line 1: more than 1000000 bytes"),
        (b"", "line 1: the file holds no request"),
        (b"\n", "line 1: the file holds no request"),
        (jsonl_of(line(1)) + b" \n\n" + jsonl_of(line(2)), "line 2: the line is blank"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_bad_line_is_named_and_nothing_of_the_file_is_kept(
    client: TestClient, media: Platform, content: bytes, named: str
) -> None:
    answer = upload(client, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_batch_file")
    assert named in answer.json()["error"]["message"]
    assert client.get("/v1/files").json()["data"] == []
    assert blobs.Blobs(media.settings.artefact_url).ids() == []


def test_blank_lines_at_the_end_of_a_file_are_none() -> None:
    found = jsonl.scan(io.BytesIO(jsonl_of(line(1), line(2)) + b"\n \n\r\n"))
    assert (found.lines, found.size_bytes) == (2, len(jsonl_of(line(1), line(2))))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_too_many_lines_unknown_endpoints_and_other_people_s_files_are_refused(
    client: TestClient, media: Platform
) -> None:
    one = b'{"custom_id":"%d","method":"POST","url":"/v1/embeddings","body":{"model":"embed","input":"a"}}\n'
    many = upload(client, b"".join(one % n for n in range(jsonl.MAX_LINES + 1)))
    assert (many.status_code, many.json()["error"]["code"]) == (413, "too_many_lines")
    assert "100000" in many.json()["error"]["message"]
    file_id = upload(client, jsonl_of(line(1))).json()["id"]
    for change, status, named in (
        ({"endpoint": "/v1/magic"}, 400, "/v1/magic"),
        ({"endpoint": "/v1/embeddings"}, 400, "the lines of the file go to"),
        ({"completion_window": "1h"}, 400, "24h"),
        ({"input_file_id": "file-unknown"}, 404, "file-unknown"),
    ):
        asked = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h", **change}
        answer = client.post("/v1/batches", json=asked)
        assert answer.status_code == status
        assert named in answer.json()["error"]["message"]
    other = new_caller(media.get("identity"), media.get("db"), "other")
    theirs = {"authorization": f"Bearer {other.secret}"}
    for method, path in (
        ("GET", f"/v1/files/{file_id}"),
        ("GET", f"/v1/files/{file_id}/content"),
        ("DELETE", f"/v1/files/{file_id}"),
    ):
        assert client.request(method, path, headers=theirs).status_code == 404
    assert client.get("/v1/files", headers=theirs).json()["data"] == []
    asked = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
    assert client.post("/v1/batches", json=asked, headers=theirs).status_code == 404


def test_files_are_sealed_listed_in_pages_deleted_and_expire(
    client: TestClient, media: Platform, caller: Caller
) -> None:
    secret_words = "the headmaster's birthday"
    ids = [upload(client, jsonl_of(line(1, secret_words))).json()["id"] for _ in range(3)]
    folder = media.settings.home / "artefacts" / "files"
    stored = sorted(folder.iterdir())
    assert len(stored) == 3
    assert not any(secret_words.encode() in path.read_bytes() for path in stored)
    content = client.get(f"/v1/files/{ids[0]}/content")
    assert content.content == jsonl_of(line(1, secret_words))
    assert content.headers["content-type"] == "application/jsonl"
    assert content.headers["content-disposition"].startswith('attachment; filename="questions.jsonl"; filename*=UTF-8')
    page = client.get("/v1/files?limit=2").json()
    assert ([one["id"] for one in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = client.get(f"/v1/files?limit=2&after={page['last_id']}").json()
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (ids[:1], False)
    assert client.delete(f"/v1/files/{ids[0]}").json()["deleted"] is True
    assert client.get(f"/v1/files/{ids[0]}").status_code == 404
    assert len(list(folder.iterdir())) == 2
    later = files.Files(
        media.get("db"), media.get("vault"), media.settings, now=lambda: clock.now() + timedelta(days=31)
    )
    assert later.prune() == 2
    assert list(folder.iterdir()) == []
    assert client.get("/v1/files").json()["data"] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_official_client_uploads_runs_reads_and_cancels(
    media: Platform, caller: Caller, engine: MediaEngine, tmp_path: Path
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(jsonl_of(*(line(n) for n in range(1, 4))))
    with running(app_on(media)) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=caller.secret) as api:
        sent = api.files.create(file=file, purpose="batch")
        assert (sent.status, sent.filename, sent.bytes) == ("processed", "questions.jsonl", len(file.read_bytes()))
        batch = api.batches.create(
            input_file_id=sent.id, endpoint=CHAT, completion_window="24h", metadata={"class": "7a"}
        )
        _until(lambda: api.batches.retrieve(batch.id).status in ENDED)
        done = api.batches.retrieve(batch.id)
        assert (done.status, done.metadata) == ("completed", {"class": "7a"})
        assert done.output_file_id is not None
        assert len(api.files.content(done.output_file_id).text.splitlines()) == 3
        assert [one.id for one in api.batches.list()] == [batch.id]
        assert {one.purpose for one in api.files.list()} == {"batch", "batch_output"}
        engine.slow_s = 0.2
        second = api.batches.create(input_file_id=sent.id, endpoint=CHAT, completion_window="24h")
        assert api.batches.cancel(second.id).status == "cancelling"
        _until(lambda: api.batches.retrieve(second.id).status == "cancelled")
        assert api.files.delete(sent.id).deleted
        with pytest.raises(openai.NotFoundError):
            api.files.retrieve(sent.id)


def _wait_inside(media: Platform, caller: Caller, batch: Any) -> batches.Batch:
    jobs: batches.Batches = media.get("batches")
    _until(lambda: jobs.get(caller.principal, batch["id"]).status in ENDED)
    return jobs.get(caller.principal, batch["id"])


def _until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        with contextlib.suppress(IndexError):
            if true():
                return
        time.sleep(0.05)
    raise AssertionError("it did not happen")
