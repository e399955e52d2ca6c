"""Residency over HTTP: load, free, pin; whose versions; what the activity log notes; clear refusals."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.maas import onnx_file, starter_files

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Identity, Role
from shuyuan.kernel import audit, db, http
from shuyuan.maas.serving import engine as engines

Enter = Callable[..., str]


@pytest.fixture
def client(platform: Platform) -> Iterator[TestClient]:
    app = http.build_app(
        version="test",
        gate=identity_http.gate(platform.get("identity")),
        ready=dict,
        max_body_bytes=10_000,
        routers=platform.routers(["catalogue", "serving"]),
    )
    with TestClient(app, headers={"origin": "http://testserver"}) as made:
        yield made
        made.portal.call(platform.get("engine").close)  # type: ignore[union-attr]  # the loop that the engine ran in


@pytest.fixture
def enter(client: TestClient, platform: Platform) -> Enter:
    """Sign in as a role of a school, made when first named; returns the school's id."""
    schools: dict[str, str] = {}

    def signed(role: Role, school: str = "Hill") -> str:
        identity: Identity = platform.get("identity")
        database: db.Database = platform.get("db")
        if school not in schools:
            schools[school] = identity.create_school(school).id
        login = f"{role}{len(identity.schools())}@{school}"
        account_id = database.write(
            lambda uow: identity.create_account(
                uow, school_id=schools[school], role=role, name=role, login=login, secret=None
            )
        )
        client.cookies.set(identity_http.COOKIE, identity.sign_in_as(account_id).token)
        return schools[school]

    return signed


def bring(platform: Platform, school_id: str, name: str = "digits") -> None:
    """A model of a school's own."""
    file = io.BytesIO(onnx_file.linear(np.eye(3, dtype=np.float32)))
    platform.get("catalogue").add_file(
        school_id, "a", model=name, source=file, runner="onnx", champion=True, reason="t"
    )


def noted(platform: Platform, school_id: str) -> list[tuple[str, str, dict[str, object]]]:
    """(action, object, detail) of what the log has about models in memory, oldest first."""
    with platform.get("db").read() as conn:
        rows = list(audit.entries(conn, school_id, limit=20, action="model."))
    return [(row.action, row.object_id, row.detail) for row in rows][::-1]


def test_a_school_loads_pins_sees_and_frees_its_own_version(
    client: TestClient, platform: Platform, enter: Enter
) -> None:
    school_id = enter("developer")
    bring(platform, school_id)
    wanted = {"replicas": 1, "keep_alive_s": 600, "pinned": True}
    loaded = client.post("/api/models/digits/load", json=wanted).json()
    assert (loaded["state"], loaded["pinned"], loaded["keep_alive_s"]) == ("ready", True, 600)
    assert loaded["version"] == "models:/digits/1"
    assert not loaded["shared"]

    found = client.get("/api/models/residency").json()
    (one,) = found["models"]
    assert one["memory_bytes"] == found["used_bytes"] <= found["budget_bytes"]
    assert (one["replicas"], one["in_flight"], one["queued"], one["last_used"]) == (1, 0, 0, None)

    assert client.put("/api/models/digits/pin", json={"pinned": False}).json()["pinned"] is False
    assert client.post("/api/models/digits/unload").json()["state"] == "pulled"
    assert client.get("/api/models/residency").json()["models"] == []
    assert noted(platform, school_id) == [
        ("model.loaded", "digits", {"replicas": 1, "keep_alive_s": 600}),
        ("model.pinned", "digits", {}),
        ("model.unpinned", "digits", {}),
        ("model.unloaded", "digits", {}),
    ]


def test_a_version_is_named_by_number_and_by_alias(client: TestClient, platform: Platform, enter: Enter) -> None:
    bring(platform, enter("admin"))
    for name in ("digits/1", "digits@champion", "models:/digits/1"):
        answer = client.post(f"/api/models/{name}/load")
        assert (answer.status_code, answer.json()["version"]) == (200, "models:/digits/1")
    assert len(client.get("/api/models/residency").json()["models"]) == 1, "one version, whatever it is called"


def test_keep_alive_stays_as_it_is_unless_it_is_named(client: TestClient, platform: Platform, enter: Enter) -> None:
    bring(platform, enter("admin"))
    client.post("/api/models/digits/load", json={"keep_alive_s": 60})
    assert client.post("/api/models/digits/load", json={"pinned": True}).json()["keep_alive_s"] == 60
    assert client.post("/api/models/digits/load", json={"keep_alive_s": None}).json()["keep_alive_s"] is None


def test_another_schools_model_is_neither_seen_nor_touched(
    client: TestClient, platform: Platform, enter: Enter
) -> None:
    bring(platform, enter("admin", "Hill"))
    client.post("/api/models/digits/load")
    valley = enter("admin", "Valley")
    found = client.get("/api/models/residency").json()
    assert found["models"] == []
    assert found["others_bytes"] == found["used_bytes"] > 0, "what others take is counted, unnamed"
    for method, path in (("POST", "load"), ("POST", "unload"), ("PUT", "pin")):
        answer = client.request(method, f"/api/models/digits/{path}", json={"pinned": True} if path == "pin" else None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert noted(platform, valley) == []


def test_a_model_that_can_never_fit_is_refused_with_the_figures_and_nothing_is_noted(
    client: TestClient, platform: Platform, enter: Enter
) -> None:
    school_id = enter("admin")
    bring(platform, school_id)
    platform.get("engine")._budget.budget_bytes = 10  # no machine is that small
    answer = client.post("/api/models/digits/load", json={"pinned": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "model_too_large")
    assert "all models together may take" in answer.json()["error"]["message"]
    assert noted(platform, school_id) == []


def test_a_model_that_is_answering_is_not_freed(client: TestClient, platform: Platform, enter: Enter) -> None:
    starter_files.require("tiny")
    enter("admin")
    engine: engines.LocalEngine = platform.get("engine")
    asked = {"messages": [{"role": "user", "content": "Count to a hundred."}], "max_tokens": 400}
    stream = engine.submit("tiny", "chat", asked)
    assert client.portal
    client.portal.call(anext, stream)
    answer = client.post("/api/models/tiny/unload")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert "is answering" in answer.json()["error"]["message"]
    client.portal.call(stream.aclose)


@pytest.mark.parametrize(
    "wrong", [{"replicas": 0}, {"replicas": 17}, {"keep_alive_s": -1}, {"pinned": "perhaps"}, {"replica": 2}]
)
def test_what_makes_no_sense_is_malformed(client: TestClient, enter: Enter, wrong: dict[str, object]) -> None:
    enter("admin")
    assert client.post("/api/models/tiny/load", json=wrong).status_code == 422


@pytest.mark.parametrize("role", ["teacher", "student", "guardian"])
def test_others_neither_look_nor_load(client: TestClient, enter: Enter, role: Role) -> None:
    enter(role)
    assert client.get("/api/models/residency").status_code == 403
    assert client.post("/api/models/tiny/load").status_code == 403


def share(platform: Platform, name: str = "commons") -> None:
    """A model that every school is served."""
    file = io.BytesIO(onnx_file.linear(np.eye(3, dtype=np.float32)))
    platform.get("catalogue").add_file(
        "shared", "system", model=name, source=file, runner="onnx", champion=True, reason="t"
    )


def manage(client: TestClient, **headers: str) -> list[int]:
    """What answers each way of changing how `commons` is kept."""
    asked = [
        client.post("/api/models/commons/load", json={"replicas": 1}, headers=headers),
        client.post("/api/models/commons/load", json={"pinned": True}, headers=headers),
        client.put("/api/models/commons/pin", json={"pinned": False}, headers=headers),
        client.post("/api/models/commons/unload", headers=headers),
    ]
    return [answer.status_code for answer in asked]


@pytest.mark.parametrize("role", ["developer", "admin"])
def test_one_of_several_schools_loads_a_shared_model_but_does_not_change_it_for_all(
    client: TestClient, platform: Platform, enter: Enter, role: Role
) -> None:
    share(platform)
    enter("admin", "Valley")
    school_id = enter(role)
    assert client.post("/api/models/commons/load").status_code == 200, "a call would load it too"
    assert manage(client) == [403] * 4
    assert "shared by 2 schools" in client.post("/api/models/commons/unload").json()["error"]["message"]
    assert noted(platform, school_id) == [("model.loaded", "commons", {})]
    bring(platform, school_id)
    assert client.put("/api/models/digits/pin", json={"pinned": True}).status_code == 200, "its own is its own"


def test_the_only_school_decides_about_shared_models(client: TestClient, platform: Platform, enter: Enter) -> None:
    share(platform)
    enter("admin")
    assert manage(client) == [200] * 4


def test_more_replicas_than_fit_are_refused_and_the_model_stays_as_it_was(
    client: TestClient, platform: Platform, enter: Enter
) -> None:
    school_id = enter("developer")
    bring(platform, school_id)
    before = client.post("/api/models/digits/load").json()
    platform.get("engine")._budget.budget_bytes = before["memory_bytes"] * 2
    answer = client.post("/api/models/digits/load", json={"replicas": 16})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "model_too_large")
    assert client.get("/api/models/residency").json()["models"] == [before]
    assert noted(platform, school_id) == [("model.loaded", "digits", {})]
