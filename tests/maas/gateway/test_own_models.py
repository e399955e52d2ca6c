"""Models of two schools on one machine: each sees the shared ones and its own, whatever the other has used."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas import onnx_file
from tests.maas.gateway.mediascript import app_on
from tests.maas.gateway.scripted import Caller, new_caller, say

from shuyuan import migrations
from shuyuan.compose import Platform
from shuyuan.identity import owner
from shuyuan.kernel import errors
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import starters
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.watch import metrics
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.timeout(180)
BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Platform]:
    """The real engine and catalogue."""
    url = f"sqlite:///{tmp_path / 'shuyuan.db'}"
    platform = Platform(Settings(home=tmp_path / "home", database_url=url, starter="none", port=0))
    migrations.upgrade(platform.get("db"))
    yield platform
    platform.close()


def bring(platform: Platform, caller: Caller, name: str) -> None:
    graph = onnx_file.linear(np.eye(2, dtype=np.float32) * 2)
    platform.get("catalogue").add_file(
        caller.principal.school_id,
        caller.principal.account_id,
        model=name,
        source=io.BytesIO(graph),
        runner="onnx",
        champion=True,
        reason="tests",
    )


def named(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json()["data"]}


def test_a_school_lists_its_own_versions_and_is_not_stopped_by_anothers(real: Platform) -> None:
    north, south = (new_caller(real.get("identity"), real.get("db"), login) for login in ("north", "south"))
    bring(real, north, "ours")
    bring(real, north, "both")
    bring(real, south, "both")
    with TestClient(app_on(real)) as client:

        def get(caller: Caller, path: str) -> Any:
            return client.get(path, headers={"authorization": f"Bearer {caller.secret}"})

        def use(name: str) -> int:
            headers = {"authorization": f"Bearer {north.secret}"}
            return client.post(f"/v2/models/{name}/infer", json=BODY, headers=headers).status_code

        assert {"ours", "both"} <= named(get(north, "/v1/models")), "before they were ever used"
        assert [use("ours"), use("both"), use("models:%2Fours%2F1")] == [200, 200, 200]
        listed = [one["id"] for one in get(north, "/v1/models").json()["data"] if one["id"] not in starters.ENTRIES]
        assert sorted(listed) == ["both", "ours"], "each once, whatever it was asked by"
        spelled = [get(north, f"/v1/models/{name}").json() for name in ("ours/1", "models:/ours/1", "ours@champion")]
        assert [(one["id"], one["state"]) for one in spelled] == [
            ("ours/1", "ready"),
            ("models:/ours/1", "ready"),
            ("ours@champion", "ready"),
        ]
        theirs = named(get(south, "/v1/models"))
        assert "both" in theirs
        assert not [name for name in theirs if "ours" in name]
        assert get(south, "/v1/models/ours").status_code == 404
        assert get(north, "/v1/models/ours").json()["state"] == "ready"
        assert (get(north, "/v1/models/both").json()["state"], get(south, "/v1/models/both").json()["state"]) == (
            "ready",
            "pulled",
        )


def test_equal_names_of_two_schools_are_one_sample() -> None:
    class Engine:
        def residency(self) -> serving.Residency:
            mine = [
                serving.ModelStatus("same", "ready", school_id=s, queued=1, memory_bytes=2_000_000) for s in ("a", "b")
            ]
            return serving.Residency(0, 0, mine)

    levels, engine = metrics.EngineLevels(), Engine()
    levels.watch(engine)  # type: ignore[arg-type]  # all it is asked for
    told = {family.name: [(s.labels, s.value) for s in family.samples] for family in levels.collect()}
    assert told["vllm:num_requests_waiting"] == [({"model_name": "same"}, 2.0)]
    assert told["shuyuan_model_memory_bytes"] == [({"model": "same"}, 4_000_000.0)]


def test_the_live_page_of_a_school_tells_its_own_calls_and_no_others_models(
    monkeypatch: pytest.MonkeyPatch, gateway: GatewayService, caller: Caller
) -> None:
    now = [10_000.0]
    monkeypatch.setattr(metrics, "live", metrics.Live(now=lambda: now[0]))
    asyncio.run(say(gateway, caller.principal))
    mine = caller.principal.school_id
    metrics.live.levels(
        [
            serving.ModelStatus("tiny", "ready", in_flight=1, memory_bytes=5),
            serving.ModelStatus("same", "ready", in_flight=2, memory_bytes=7, school_id=mine),
            serving.ModelStatus("private", "ready", in_flight=4, memory_bytes=9, school_id="another"),
        ]
    )
    now[0] += metrics.SLOT_S
    own, others = gateway.live(caller.admin)[-1], metrics.live.moments("another")[-1]
    assert (own.requests_per_s, own.running, own.memory_bytes) == (0.5, 3, {"tiny": 5, "same": 7})
    assert (others.requests_per_s, others.tokens_per_s, others.first_token_p50_s) == (0, 0, None)
    assert (others.running, others.memory_bytes) == (5, {"tiny": 5, "private": 9})


def test_the_measurements_of_the_machine_are_an_administrators_while_theirs_is_the_only_school(real: Platform) -> None:
    identity, database = real.get("identity"), real.get("db")
    north = new_caller(identity, database, "north")
    account = database.write(
        lambda uow: identity.create_account(
            uow, school_id=north.admin.school_id, role="admin", name="A", login="admin", secret=None
        )
    )
    key = identity.create_key(identity.sign_in_as(account).principal, "scrape", scopes=("admin",)).secret
    head = {"authorization": f"Bearer {key}"}
    with TestClient(app_on(real)) as client:
        assert client.get("/metrics", headers=head).status_code == 200
        new_caller(identity, database, "south")
        assert client.get("/metrics", headers=head).json()["error"]["code"] == errors.Forbidden.code
        key_of_owner = owner.open_way(real.settings.home, "http://127.0.0.1:1", None).key
        assert client.get("/metrics", headers={"authorization": f"Bearer {key_of_owner}"}).status_code == 200
        assert client.get("/metrics").status_code == 401, "the test's client is on no loopback address"
    with TestClient(app_on(real), client=("127.0.0.1", 5)) as here:
        assert here.get("/metrics").status_code == 200
