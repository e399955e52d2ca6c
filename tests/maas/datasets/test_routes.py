"""Data sets over HTTP: developers and administrators work with them, teachers look, others stay out."""

import io
from collections.abc import Iterator

import polars as pl
import pytest
from fastapi.testclient import TestClient
from tests.maas.datasets.conftest import Room

from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Identity, Role
from shuyuan.kernel import db, http

MARKS = b"age,mark,label\n" + b"".join(f"{at % 9},{at / 10},{'ab'[at % 2]}\n".encode() for at in range(60))
VERSIONS = "/api/datasets/marks/versions"


@pytest.fixture
def client(room: Room) -> Iterator[TestClient]:
    app = http.build_app(
        version="test",
        gate=identity_http.gate(room.platform.get("identity")),
        ready=dict,
        max_body_bytes=2_000,
        body_caps={"/api/datasets/{name}/versions": 100_000},
        routers=room.platform.routers(["datasets"]),
    )
    with TestClient(app, headers={"origin": "http://testserver"}) as made:
        yield made


def enter(client: TestClient, room: Room, role: Role) -> TestClient:
    identity: Identity = room.platform.get("identity")
    database: db.Database = room.platform.get("db")
    account_id = database.write(
        lambda uow: identity.create_account(
            uow, school_id=room.school_id, role=role, name=role, login=f"{role}@school", secret=None
        )
    )
    client.cookies.set(identity_http.COOKIE, identity.sign_in_as(account_id).token)
    return client


def test_a_developer_sends_prepares_looks_downloads_and_deletes(client: TestClient, room: Room) -> None:
    enter(client, room, "developer")
    sent = client.post(f"{VERSIONS}?filename=marks.csv&purpose=a%20try", content=MARKS)
    assert sent.status_code == 202, sent.text
    room.service.wait(room.school_id, sent.json()["id"], 60)
    work = client.get(f"/api/datasets/works/{sent.json()['id']}").json()
    assert (work["state"], work["version"]) == ("finished", "data:/marks/1")

    plan = {"plan": {"rules": [{"rule": "missing"}], "split": {"by": "stratified"}}, "name": "clean"}
    begun = client.post("/api/datasets/marks/1/prepare", json=plan)
    assert begun.status_code == 202, begun.text
    room.service.wait(room.school_id, begun.json()["id"], 60)

    listed = client.get("/api/datasets").json()
    assert {one["name"]: one["rows"] for one in listed["datasets"]} == {"marks": 60, "clean": 60}
    shown = client.get("/api/datasets/clean/1").json()
    assert (shown["uri"], len(shown["preview"]), shown["version"]["source"]) == ("data:/clean/1", 20, "data:/marks/1")
    assert client.get("/api/datasets/clean/versions").json()[0]["parts"]["test"]["rows"] == 9

    parquet = client.get("/api/datasets/clean/1/parts/test")
    assert pl.read_parquet(io.BytesIO(parquet.content)).height == 9
    assert parquet.headers["cache-control"] == "no-store"
    csv = client.get("/api/datasets/clean/1/parts/test?format=csv")
    assert csv.content.decode("utf-8-sig").splitlines()[0] == "age,mark,label"
    assert len(csv.text.splitlines()) == 10
    assert client.delete("/api/datasets/marks/1").status_code == 409
    assert client.delete("/api/datasets/clean/1").status_code == 204
    assert client.get("/api/datasets/clean/1").status_code == 404


def test_a_teacher_looks_and_does_no_more(client: TestClient, room: Room) -> None:
    room.imported(MARKS)
    enter(client, room, "teacher")
    assert client.get("/api/datasets").json()["datasets"][0]["name"] == "marks"
    assert client.get("/api/datasets/marks/1").status_code == 200
    assert client.get("/api/datasets/steps").json()["rules"][0]["rule"] == "types"
    assert client.put("/api/datasets/marks/1/consent", json={"consent": True}).status_code == 403
    for refused in (
        client.post(VERSIONS, content=MARKS),
        client.post("/api/datasets/marks/1/prepare", json={"plan": {}}),
        client.get("/api/datasets/marks/1/parts/train"),
        client.delete("/api/datasets/marks/1"),
    ):
        assert refused.status_code == 403


@pytest.mark.parametrize("role", ["student", "guardian"])
def test_pupils_and_guardians_see_nothing(client: TestClient, room: Room, role: Role) -> None:
    enter(client, room, role)
    for path in ("/api/datasets", "/api/datasets/marks/1", "/api/datasets/marks/versions", "/api/datasets/steps"):
        assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    ("query", "content", "status", "code"),
    [
        ("filename=marks.csv", b"", 400, "empty_data"),
        ("filename=marks.csv", b"x" * 200_000, 413, "too_large"),
        ("filename=marks.exe", MARKS, 400, "bad_data"),
        ("filename=a.csv&columns=[]", MARKS, 400, "bad_input"),
        ('filename=a.csv&columns={"a":{"kind":"colour"}}', MARKS, 400, "bad_input"),
        ("filename=a.csv&format=excel", MARKS, 422, "malformed"),
    ],
)
def test_a_wrong_upload_is_refused_and_leaves_nothing(
    client: TestClient, room: Room, query: str, content: bytes, status: int, code: str
) -> None:
    enter(client, room, "admin")
    answer = client.post(f"{VERSIONS}?{query}", content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert room.service.works(room.school_id) == []
    assert room.leftovers == []


def test_a_line_over_the_cap_is_refused_while_it_is_sent(
    client: TestClient, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.service, "bounds", room.service.bounds.model_copy(update={"max_line_bytes": 1000}))
    answer = enter(client, room, "admin").post(f"{VERSIONS}?filename=a.csv", content=b"x" * 5000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "line_too_long")
    assert room.leftovers == []


def test_a_wrong_plan_is_refused_at_once_with_what_is_wrong(client: TestClient, room: Room) -> None:
    room.imported(MARKS)
    enter(client, room, "developer")
    wrong = [
        ({"rules": [{"rule": "wash"}]}, 400, "bad_input"),
        ({"columns": {"no": {}}}, 400, "wrong_columns"),
        ({"split": {"by": "person"}}, 400, "wrong_columns"),
        ({"split": {"by": "random", "shares": [0.5, 0.1, 0.1]}}, 422, "malformed"),
        ({"colour": 1}, 422, "malformed"),
    ]
    for plan, status, code in wrong:
        answer = client.post("/api/datasets/marks/1/prepare", json={"plan": plan})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert client.post("/api/datasets/marks/9/prepare", json={"plan": {}}).status_code == 404
    assert client.post("/api/datasets/marks/1/prepare", content=b"x" * 5000).status_code == 413


def test_an_administrator_alone_says_that_persons_agreed(client: TestClient, room: Room) -> None:
    asked = f"{VERSIONS}?filename=marks.csv&personal=true"
    answer = enter(client, room, "developer").post(f"{asked}&consent=true", content=MARKS)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "/consent" in answer.json()["error"]["fix"]
    assert room.service.works(room.school_id) == []
    assert client.post(asked, content=MARKS).status_code == 202
    assert enter(client, room, "admin").post(f"{asked}&consent=true", content=MARKS).status_code == 202


def test_rows_of_persons_are_seen_by_those_who_may_download_them(client: TestClient, room: Room) -> None:
    room.imported(MARKS, personal=True)
    room.imported(MARKS + MARKS.splitlines()[-1] + b"\n", "open")
    roles: dict[Role, bool] = {"teacher": False, "developer": True}
    for role, shown in roles.items():
        enter(client, room, role)
        told = client.get("/api/datasets/marks/1").json()
        listed = {one["name"]: one for one in client.get("/api/datasets").json()["datasets"]}
        for version in (told["version"], listed["marks"], client.get(VERSIONS).json()[0]):
            assert bool(version["columns"][0]["examples"]) is shown
        assert bool(told["preview"]) is shown
        assert listed["open"]["columns"][0]["examples"], "of nobody"


def test_an_administrator_takes_consent_back(client: TestClient, room: Room) -> None:
    room.imported(MARKS, personal=True, consent=True)
    answer = enter(client, room, "admin").put("/api/datasets/marks/1/consent", json={"consent": False})
    assert (answer.status_code, answer.json()["consent"]) == (200, False)


@pytest.mark.parametrize("value", ["9" * 23, "-1", "x" * 300, "%00", "²", "data:", "A"])
def test_absurd_names_numbers_and_ids_are_no_errors_of_ours(client: TestClient, room: Room, value: str) -> None:
    enter(client, room, "admin")
    for path in (f"{value}/1", f"marks/{value}", f"{value}/versions", f"works/{value}", f"marks/1/parts/{value}"):
        assert client.get(f"/api/datasets/{path}").status_code in (200, 400, 404, 422), path
