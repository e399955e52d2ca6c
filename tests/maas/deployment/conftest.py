"""Two schools with versions of a model in a real catalogue, and a clock that a test turns."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.maas import onnx_file
from tests.maas.deployment.verdicts import Verdicts

from shuyuan.identity.interface import Role
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db, storage
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.catalogue.service import CatalogueService
from shuyuan.maas.deployment.service import DeploymentService

SUNDAY = datetime(2026, 9, 6, 4, tzinfo=UTC)  # noon in Shanghai, no school


@dataclass
class Clock:
    """`now` for everything under test."""

    at: datetime = SUNDAY

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class House:
    """What a test of deployments needs."""

    db: db.Database
    catalogue: CatalogueService
    identity: IdentityService
    audit: audit.Audit
    outbox: kernel_outbox.Outbox
    vault: crypto.Vault
    settings: Settings
    clock: Clock
    verdicts: Verdicts = field(default_factory=Verdicts)
    north: str = ""
    south: str = ""
    person: str = ""

    def service(self) -> DeploymentService:
        """One process's view."""
        return DeploymentService(
            self.db,
            self.catalogue,
            self.identity,
            self.audit,
            self.outbox,
            self.vault,
            self.settings,
            self.verdicts,
            now=self.clock,
        )

    def account(self, role: Role) -> str:
        """Somebody else of north."""
        return self.db.write(
            lambda uow: self.identity.create_account(
                uow, school_id=self.north, role=role, name=role, login=f"a-{role}", secret=None
            )
        )

    def bring(self, school_id: str, model: str = "digits", **spec: object) -> catalogue_api.Version:
        """The next version of a model: x (rows, 2) → y, other numbers every time."""
        number = len(self.catalogue.versions(school_id, model)) + 1
        graph = onnx_file.linear(np.eye(2, dtype=np.float32) * number)
        return self.catalogue.add_file(
            school_id, "system", model=model, source=io.BytesIO(graph), runner="onnx", spec=spec
        )


@pytest.fixture
def house(database: db.Database, vault: crypto.Vault, tmp_path: Path) -> Iterator[House]:
    kept = audit.Audit(vault)
    identity = IdentityService(database, vault, kept)
    settings = Settings(home=tmp_path / "home", cache=tmp_path / "cache", starter="none")
    catalogue = CatalogueService(database, storage.Storage((tmp_path / "store").as_uri()), kept, settings)
    built = House(database, catalogue, identity, kept, kernel_outbox.Outbox(database), vault, settings, Clock())
    built.north, built.south = identity.create_school("North").id, identity.create_school("South").id
    built.person = database.write(
        lambda uow: identity.create_account(
            uow, school_id=built.north, role="admin", name="Wang", login="wang", secret=None
        )
    )
    yield built
    catalogue.close()


@pytest.fixture
def deployment(house: House) -> Iterator[DeploymentService]:
    """Version 1 of `digits` is the champion of north, version 2 waits with a passed verdict."""
    house.bring(house.north), house.bring(house.north)
    report = house.verdicts.add_report(house.north, "models:/digits/2", "data:/pupils/1")
    house.verdicts.add("models:/digits/2", passed=True, report_id=report.id)
    service = house.service()
    service.promote(house.north, house.person, "digits", 1, reason="the first one")
    yield service
    service.close()


@pytest.fixture
def call(house: House, deployment: DeploymentService) -> Callable[..., None]:
    """Note calls of a version of north's `digits`."""

    def noted(version: int, calls: int, *, errors: int = 0, seconds: float = 0.01) -> None:
        for n in range(calls):
            deployment.note(house.north, f"models:/digits/{version}", n >= errors, seconds * (1 + n % 5 / 10))

    return noted
