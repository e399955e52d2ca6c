"""A gateway on a real database with a scripted engine: quotas and the ledger without a model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.maas.gateway.scripted import Caller, ScriptedEngine, ScriptedLocator, new_caller

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db, ids
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def make_gateway(database: db.Database, vault: crypto.Vault, tmp_path: Path) -> Callable[..., GatewayService]:
    def make(engine: serving.Engine, on: db.Database = database) -> GatewayService:
        settings = Settings(home=tmp_path, starter="tiny")
        return GatewayService(on, ScriptedLocator(), engine, settings, audit.Audit(vault))

    return make


@pytest.fixture
def gateway(make_gateway: Callable[..., GatewayService], engine: ScriptedEngine) -> GatewayService:
    return make_gateway(engine)


@pytest.fixture
def teacher() -> Principal:
    return Principal(ids.new_id(), ids.new_id(), "teacher")


@pytest.fixture
def identity(database: db.Database, vault: crypto.Vault) -> IdentityService:
    return IdentityService(database, vault, audit.Audit(vault))


@pytest.fixture
def caller(identity: IdentityService, database: db.Database) -> Caller:
    return new_caller(identity, database)
