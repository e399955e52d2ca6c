"""A gateway on a real database with a scripted engine: quotas and the ledger without a model."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.maas.gateway.mediascript import MediaEngine, platform_on
from tests.maas.gateway.scripted import Caller, ScriptedEngine, ScriptedLocator, new_caller

from shuyuan.compose import Platform
from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def make_gateway(
    database: db.Database, vault: crypto.Vault, identity: IdentityService, tmp_path: Path
) -> Callable[..., GatewayService]:
    def make(engine: serving.Engine, on: db.Database = database) -> GatewayService:
        settings = Settings(home=tmp_path, starter="tiny")
        return GatewayService(on, ScriptedLocator(), engine, settings, audit.Audit(vault), identity)

    return make


@pytest.fixture
def gateway(make_gateway: Callable[..., GatewayService], engine: ScriptedEngine) -> GatewayService:
    return make_gateway(engine)


@pytest.fixture
def teacher(identity: IdentityService, database: db.Database) -> Principal:
    school_id = identity.create_school("School of the teacher").id
    account_id = database.write(
        lambda uow: identity.create_account(
            uow, school_id=school_id, role="teacher", name="Teacher", login="teacher", secret=None
        )
    )
    return identity.sign_in_as(account_id).principal


@pytest.fixture
def identity(database: db.Database, vault: crypto.Vault) -> IdentityService:
    return IdentityService(database, vault, audit.Audit(vault))


@pytest.fixture
def caller(identity: IdentityService, database: db.Database) -> Caller:
    return new_caller(identity, database)


@pytest.fixture
def media(database_url: str, tmp_path: Path, engine: MediaEngine) -> Iterator[Platform]:
    """Every module, no model but those of `engine`, which the tests give as a MediaEngine."""
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="none", port=0)
    platform = platform_on(settings, engine)
    yield platform
    platform.close()
