"""`/v1/files` and what is refused at the door of `/v1/batches`, over HTTP and by the official client."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import openai
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient
from tests.maas.gateway.batching import CHAT, ENDED, jsonl_of, line, until, upload
from tests.maas.gateway.mediascript import MediaEngine, app_on
from tests.maas.gateway.scripted import Caller, new_caller
from tests.maas.gateway.server import running

from shuyuan.compose import Platform
from shuyuan.kernel import clock
from shuyuan.maas.gateway.batch import blobs, files, jobtables, jsonl


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


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (jsonl_of(line(1)) + b"{not json}\n", "line 2: not JSON"),
        (jsonl_of(line(1), line(1)), "line 2: custom_id 'q1' stands twice"),
        (
            jsonl_of(line(1), line(2, url="/v1/images/generations")),
            "line 2: url '/v1/images/generations' is not served",
        ),
        (
            jsonl_of(line(1), line(2, url="/v1/embeddings")),
            "line 2: url '/v1/embeddings', the lines before have",
        ),
        (jsonl_of({"custom_id": "a"}), "line 1: missing: body, method, url"),
        (jsonl_of({**line(1), "method": "GET"}), "line 1: method 'GET'"),
        (jsonl_of(line(1, stream=True)), "line 1: stream is not possible"),
        (jsonl_of({**line(1), "body": {}}), "line 1: the body names no model"),
        (b"\xff\xfe\n", "line 1: not JSON"),
        (b"[" * 900_000, "line 1: not JSON"),
        (b'"' + b"x" * 1_000_001, "line 1: more than 1000000 bytes"),
        (b"", "line 1: the file holds no request"),
        (b"\n", "line 1: the file holds no request"),
        (
            jsonl_of(line(1)) + b" \n\n" + jsonl_of(line(2)),
            "line 2: the line is blank",
        ),
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
        until(lambda: api.batches.retrieve(batch.id).status in ENDED)
        done = api.batches.retrieve(batch.id)
        assert (done.status, done.metadata) == ("completed", {"class": "7a"})
        assert done.output_file_id is not None
        assert len(api.files.content(done.output_file_id).text.splitlines()) == 3
        assert [one.id for one in api.batches.list()] == [batch.id]
        assert {one.purpose for one in api.files.list()} == {"batch", "batch_output"}
        engine.slow_s = 0.2
        second = api.batches.create(input_file_id=sent.id, endpoint=CHAT, completion_window="24h")
        assert api.batches.cancel(second.id).status == "cancelling"
        until(lambda: api.batches.retrieve(second.id).status == "cancelled")
        assert api.files.delete(sent.id).deleted
        with pytest.raises(openai.NotFoundError):
            api.files.retrieve(sent.id)
