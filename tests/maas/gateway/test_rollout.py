"""Canary and shadow through the gateway: who is answered by what, what is counted, what a shadow may not do."""

import asyncio
import functools
import io
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import exc
from starlette.testclient import TestClient
from tests.maas import onnx_file
from tests.maas.gateway.mediascript import app_on
from tests.maas.gateway.scripted import Caller, ScriptedEngine, hello, new_caller, say

from shuyuan import migrations
from shuyuan.compose import Platform
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db, errors
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import extras
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.deployment.service import DeploymentService
from shuyuan.maas.gateway import rollout, shadows
from shuyuan.maas.gateway.books import ledger
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.timeout(180)
BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on a loop of its own."""

    @functools.wraps(test)
    def run(*given: Any, **named: Any) -> None:  # Any: fixtures
        asyncio.run(test(*given, **named))

    return run


@dataclass
class Told:
    """A rollout that does what a test says and keeps what it is told."""

    canary: str = ""
    beside: str | None = None
    notes: list[tuple[str, bool]] = field(default_factory=list)
    agreed: list[tuple[str, bool | None, bool]] = field(default_factory=list)

    def choose(self, school_id: str, model: str, person: str) -> str:
        return self.canary or model

    def shadow(self, school_id: str, model: str) -> str | None:
        return self.beside

    def watches(self, school_id: str, version: str) -> bool:
        return True

    def note(self, school_id: str, version: str, ok: bool, latency_s: float) -> None:
        self.notes.append((version, ok))

    def compared(self, school_id: str, version: str, agreed: bool | None, *, ok: bool, latency_s: float) -> None:
        self.agreed.append((version, agreed, ok))


class Locator:
    """`tiny` in versions 1 and 2; version 3 is damaged."""

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        if model.endswith("/3"):
            raise catalogue.HashMismatch("damaged")
        version = model if model.startswith("models:/") else "models:/tiny/1"
        return catalogue.Loadable(
            name="tiny",
            version=version,
            path=Path(__file__),
            runner="llama",
            tasks=("chat",),
            context_tokens=2048,
            memory_bytes=1,
        )

    def pull_progress(self, model: str) -> None:
        return None

    def known(self, school_id: str = catalogue.SHARED) -> tuple[str, ...]:
        return ("tiny",)


class Named(ScriptedEngine):
    """Also keeps by what name it was asked."""

    def submit(self, model: str, *given: Any, **named: Any) -> Any:  # Any: handed on
        self.asked.append({"model": model})
        return super().submit(model, *given, **named)

    def models(self) -> list[object]:
        return [one["model"] for one in self.asked if "model" in one]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def named() -> Named:
    return Named()


@pytest.fixture
def gateway(
    database: db.Database, vault: crypto.Vault, identity: IdentityService, tmp_path: Path, told: Told, named: Named
) -> GatewayService:
    settings = Settings(home=tmp_path, starter="tiny")
    return GatewayService(database, Locator(), named, settings, audit.Audit(vault), identity, deployment=told)


async def version_of(gateway: GatewayService, caller: Caller) -> str:
    async with gateway.chat(caller.principal, hello()) as answer:
        [delta async for delta in answer]
        return answer.receipt.version


@awaited
async def test_the_version_given_is_the_one_asked_told_and_noted(
    gateway: GatewayService, caller: Caller, told: Told, named: Named
) -> None:
    assert await version_of(gateway, caller) == "models:/tiny/1"
    told.canary = "models:/tiny/2"
    assert await version_of(gateway, caller) == "models:/tiny/2"
    assert named.models() == ["tiny", "models:/tiny/2"]
    assert told.notes == [("models:/tiny/1", True), ("models:/tiny/2", True)]
    await gateway.drain()
    assert [one.version for one in gateway.calls(caller.principal)] == ["models:/tiny/2", "models:/tiny/1"]


@awaited
async def test_a_canary_that_begins_in_the_middle_of_a_call_does_not_change_it(
    gateway: GatewayService, caller: Caller, told: Told, named: Named
) -> None:
    principal = caller.principal
    found = await gateway.desk.locate(principal, "tiny", "chat")
    told.canary = "models:/tiny/2"
    [chunk async for chunk in gateway.desk.engine.submit("tiny", "chat", {}, asker=gateway.desk.asker(principal))]
    assert (found.version, named.models()) == ("models:/tiny/1", ["tiny"])


@pytest.mark.parametrize(
    ("failure", "notes"),
    [
        (serving.WorkerLost("gone"), [("models:/tiny/2", False)]),
        (serving.DeadlineExceeded("slow"), [("models:/tiny/2", False)]),
        (RuntimeError("a defect"), [("models:/tiny/2", False)]),
        (errors.BadInput("what was sent is wrong"), []),
        (serving.Overloaded("full", retry_after_s=1), []),
        (serving.Closed("stopping"), []),
    ],
)
@awaited
async def test_a_version_is_blamed_for_what_it_breaks_and_for_nothing_else(
    gateway: GatewayService,
    caller: Caller,
    told: Told,
    named: Named,
    failure: Exception,
    notes: list[tuple[str, bool]],
) -> None:
    told.canary, named.failure = "models:/tiny/2", failure
    with pytest.raises(type(failure)):
        await say(gateway, caller.principal)
    assert told.notes == notes


@awaited
async def test_an_answer_that_was_left_says_nothing_of_its_version(
    gateway: GatewayService, caller: Caller, told: Told
) -> None:
    async with gateway.chat(caller.principal, hello()) as answer:
        async for _ in answer:
            break
    assert told.notes == []


@awaited
async def test_a_canary_whose_file_is_damaged_is_blamed_and_the_champion_answers(
    gateway: GatewayService, caller: Caller, told: Told, named: Named
) -> None:
    told.canary = "models:/tiny/3"
    assert await version_of(gateway, caller) == "models:/tiny/1"
    assert named.models() == ["tiny"]
    assert told.notes == [("models:/tiny/3", False), ("models:/tiny/1", True)]


@awaited
async def test_a_shadow_is_asked_the_same_after_the_answer_and_is_on_nobody_s_books(
    gateway: GatewayService, caller: Caller, told: Told, named: Named
) -> None:
    told.beside = "models:/tiny/2"
    assert await say(gateway, caller.principal) == "Hello there"
    await settle()
    assert named.models() == ["tiny", "models:/tiny/2"]
    assert told.agreed == [("models:/tiny/2", None, True)], "what is drawn by chance is not compared"
    assert named.askers[1].person == "shadow"
    await gateway.drain()
    assert len(gateway.calls(caller.principal)) == 1


@awaited
async def test_shadows_are_few_and_their_failures_are_nobody_s(
    gateway: GatewayService, caller: Caller, told: Told, named: Named
) -> None:
    told.beside, named.hold = "models:/tiny/2", asyncio.Event()
    engine, held = gateway.desk.engine, []
    assert isinstance(engine, rollout.Rolled)
    waits = asyncio.Event()

    async def again() -> bool:
        held.append(1)
        await waits.wait()
        raise serving.WorkerLost("the shadow broke")

    for _ in range(50):
        engine._run_beside("models:/tiny/2", serving.ANYONE, again)
    await settle()
    assert len(held) == shadows.AT_ONCE
    waits.set()
    await settle()
    assert len(held) == shadows.AT_ONCE + shadows.WAITING
    assert told.agreed == [("models:/tiny/2", None, False)] * len(held)


def test_two_answers_agree_when_they_say_the_same() -> None:
    classes = {"logits": np.array([[0.1, 0.9], [0.8, 0.2]])}
    assert shadows.same_tensors(classes, {"logits": np.array([[0.4, 0.6], [3.0, 2.0]])})
    assert not shadows.same_tensors(classes, {"logits": np.array([[0.4, 0.6], [1.0, 2.0]])})
    assert not shadows.same_tensors(classes, {"scores": classes["logits"]})
    value = {"y": np.array([1.0, 100.0])}
    assert shadows.same_tensors(value, {"y": np.array([1.001, 100.5])})
    assert not shadows.same_tensors(value, {"y": np.array([1.0, 110.0])})
    assert not shadows.same_tensors({"n": np.array([1, 2])}, {"n": np.array([1, 3])})


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Platform]:
    """The real engine, catalogue and deployments."""
    url = f"sqlite:///{tmp_path / 'shuyuan.db'}"
    platform = Platform(Settings(home=tmp_path / "home", database_url=url, starter="none", port=0))
    migrations.upgrade(platform.get("db"))
    yield platform
    platform.close()


def test_over_http_a_canary_answers_its_people_and_goes_back_with_one_command(real: Platform) -> None:
    north = new_caller(real.get("identity"), real.get("db"), "north")
    school, deployment = north.principal.school_id, real.get("deployment")
    assert isinstance(deployment, DeploymentService)
    for times in (1, 2):
        graph = io.BytesIO(onnx_file.linear(np.eye(2, dtype=np.float32) * times))
        real.get("catalogue").add_file(school, "system", model="ours", source=graph, runner="onnx")
    actor = real.get("db").write(
        lambda uow: real.get("identity").create_account(
            uow, school_id=school, role="admin", name="Wang", login="wang", secret=None
        )
    )
    deployment.promote(school, actor, "ours", 1, reason="first")
    with TestClient(app_on(real)) as client:

        def ask(name: str = "ours") -> tuple[str, list[float]]:
            headers = {"authorization": f"Bearer {north.secret}"}
            answer = client.post(f"/v2/models/{name}/infer", json=BODY, headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.headers["x-shuyuan-model-version"], answer.json()["outputs"][0]["data"]

        assert ask() == ("models:/ours/1", [1, 2])
        while deployment.choose(school, "ours", north.principal.account_id) == "ours":  # half of the people, drawn anew
            deployment.deploy(school, actor, "ours", 2, share=0.5, reason="to see")
        assert ask() == ("models:/ours/2", [2, 4])
        assert ask("models:%2Fours%2F1") == ("models:/ours/1", [1, 2]), "a number is never redirected"
        found = {one.part: one.calls for one in deployment.standing(school, "ours")}
        assert found == {"canary": 1, "champion": 1}
        deployment.rollback(school, actor, "ours", "enough")
        assert ask() == ("models:/ours/1", [1, 2])
        deployment.deploy(school, actor, "ours", 2, shadow=True)
        assert ask() == ("models:/ours/1", [1, 2]), "a shadow's answer is thrown away"
        for _ in range(200):
            if standing := [one for one in deployment.standing(school, "ours") if one.part == "shadow"]:
                break
            client.get("/healthz")
        assert (standing[0].version, standing[0].calls, standing[0].errors) == (2, 1, 0)
        deployment.promote(school, actor, "ours", 2, reason="better")
        assert ask() == ("models:/ours/2", [2, 4])
    calls = real.get("gateway").calls(north.principal)
    assert len(calls) == 6, "the shadow is on nobody's books"


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@awaited
async def test_a_canary_whose_runner_is_not_installed_is_to_blame_and_the_champion_answers(
    gateway: GatewayService, caller: Caller, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Torch(Locator):
        def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
            found = super().locate(model, school_id)
            return found.model_copy(update={"runner": "torch"}) if model.endswith("/2") else found

    monkeypatch.setattr(extras, "missing", lambda runner: "train" if runner == "torch" else "")
    monkeypatch.setattr(gateway.desk._models, "_locator", Torch())
    told.canary = "models:/tiny/2"
    assert await version_of(gateway, caller) == "models:/tiny/1"
    assert told.notes[0] == ("models:/tiny/2", False)


@awaited
async def test_a_reservation_that_cannot_be_written_is_no_versions_fault(
    gateway: GatewayService, caller: Caller, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    await version_of(gateway, caller)
    told.notes.clear()
    told.canary = "models:/tiny/2"
    post = ledger.post

    def locked(*given: Any, **told: Any) -> Any:  # Any: handed on
        post(*given, **told)
        raise exc.OperationalError("insert", {}, Exception("database is locked"))

    monkeypatch.setattr(ledger, "post", locked)
    with pytest.raises(exc.OperationalError):
        await version_of(gateway, caller)
    monkeypatch.undo()
    assert told.notes == []


class Full(Named):
    """Its line for one version is full."""

    full = ""

    def check_room(self, key: str) -> None:
        if self.full in key:
            raise serving.Overloaded("full", fix="wait", retry_after_s=1)


@awaited
async def test_a_full_line_is_the_line_of_the_version_one_is_given(
    database: db.Database, vault: crypto.Vault, identity: IdentityService, tmp_path: Path, told: Told, caller: Caller
) -> None:
    engine = Full()
    settings = Settings(home=tmp_path, starter="tiny")
    gateway = GatewayService(database, Locator(), engine, settings, audit.Audit(vault), identity, deployment=told)
    told.canary, engine.full = "models:/tiny/2", "models:/tiny/1"
    assert await version_of(gateway, caller) == "models:/tiny/2"
    engine.full = "models:/tiny/2"
    with pytest.raises(serving.Overloaded):
        await version_of(gateway, caller)
    assert engine.models() == ["models:/tiny/2"]
