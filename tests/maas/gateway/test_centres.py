"""Where labels lie is remembered for the version that placed them, though a canary begins in the middle of a call."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tests.maas.gateway.scripted import Caller, ScriptedEngine, ScriptedLocator
from tests.maas.gateway.test_rollout import Told

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LABELS = ("aaa", "zzz")


class Turning(ScriptedEngine):
    """Version 2 says the opposite of version 1: its vectors of `a` and `z` are exchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        truncate: interface.Truncate = "mean",
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> serving.Embeddings:
        self.names.append(model)
        rows = np.asarray([[text.count("a"), text.count("z")] for text in texts], np.float32)
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return serving.Embeddings(unit[:, ::-1] if model.endswith("/2") else unit, len(texts))


class Versions(ScriptedLocator):
    """`embed` in versions 1 and 2."""

    def __init__(self) -> None:
        self.claims: tuple[catalogue.Task, ...] = ("embed", "classify")

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        found = super().locate("embed", school_id)
        version = model if model.startswith("models:/") else "models:/embed/1"
        return found.model_copy(update={"version": version, "tasks": self.claims})


class Beginning(Told):
    """A canary that begins after the model was first located, until it is `over`."""

    over = False

    def choose(self, school_id: str, model: str, person: str) -> str:
        given, self.canary = super().choose(school_id, model, person), "models:/embed/2"
        return model if self.over else given


def served(
    database: db.Database, identity: IdentityService, vault: crypto.Vault, home: Path, told: Told, versions: Versions
) -> tuple[GatewayService, Turning]:
    engine = Turning()
    settings = Settings(home=home, starter="none")
    return GatewayService(database, versions, engine, settings, audit.Audit(vault), identity, deployment=told), engine


def test_a_canary_that_begins_in_the_middle_changes_neither_the_call_nor_what_is_remembered(
    database: db.Database, identity: IdentityService, vault: crypto.Vault, caller: Caller, tmp_path: Path
) -> None:
    told = Beginning()
    gateway, engine = served(database, identity, vault, tmp_path, told, Versions())

    async def label() -> interface.Classified:
        return await gateway.classify(caller.principal, "aaaz", LABELS)

    async def run() -> list[interface.Classified]:
        found = [await asyncio.create_task(label()) for _ in range(2)]
        told.over = True
        found.append(await asyncio.create_task(label()))
        await gateway.drain()
        return found

    found = asyncio.run(run())
    assert [one.receipt.version for one in found] == ["models:/embed/1", "models:/embed/2", "models:/embed/1"]
    assert engine.names == ["embed", "models:/embed/2", "embed"]
    assert [one.labels[0][0] for one in found] == ["aaa"] * 3
    assert [one.usage.prompt_tokens for one in found] == [3, 3, 1], "centres are remembered for their own version"


def test_labels_of_yours_need_a_model_that_embeds(
    database: db.Database, identity: IdentityService, vault: crypto.Vault, caller: Caller, tmp_path: Path
) -> None:
    versions = Versions()
    versions.claims = ("classify",)
    gateway, engine = served(database, identity, vault, tmp_path, Told(), versions)
    with pytest.raises(interface.NotClaimed, match="'embed'"):
        asyncio.run(gateway.classify(caller.principal, "aaaz", LABELS))
    assert engine.names == []
