"""A process that does pipelines on faked rooms: real database, catalogue, deployments, outbox and durable jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.maas.pipelines import rooms

from shuyuan.identity.interface import Role
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, clock, crypto, db, durable, storage
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel.jobs import Scheduler
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue.service import CatalogueService
from shuyuan.maas.pipelines import interface, jobs, stepping, work
from shuyuan.maas.pipelines.service import PipelinesService

Kills = Literal["", "raise", "kill"]
SPEC: Mapping[str, Any] = {  # Any: JSON
    "name": "every night",
    "model": "digits",
    "data": "data:/pupils",
    "train": {"task": "tabular_classification"},
}
WHOLE: Mapping[str, Any] = {
    **SPEC,
    "prepare": {"plan": {"rules": [{"rule": "duplicates"}]}},
    "compress": {"method": "int8_dynamic"},
    "canary": {"share": 0.5, "hold_s": 0, "rules": {"min_calls": 5}},
}


@dataclass
class House:
    """One process and what it knows of two schools."""

    db: db.Database
    identity: IdentityService
    catalogue: CatalogueService
    deployment: rooms.Deploying
    outbox: kernel_outbox.Outbox
    durable: durable.Durable
    pipelines: PipelinesService
    data: rooms.Data
    training: rooms.Training
    evaluation: rooms.Evaluation
    compression: rooms.Compression
    disk: rooms.Disk
    school: str
    person: str

    def spec(self, **values: Any) -> interface.Spec:
        return interface.Spec.model_validate({**SPEC, **values})

    def whole(self, **values: Any) -> interface.Spec:
        return interface.Spec.model_validate({**WHOLE, **values})

    def start(self, spec: interface.Spec) -> interface.Pipeline:
        return self.pipelines.start(self.school, self.person, spec)

    def account(self, role: Role) -> str:
        """Somebody else of the school."""
        return self.db.write(
            lambda uow: self.identity.create_account(
                uow, school_id=self.school, role=role, name=role, login=role, secret=None
            )
        )

    def run(self, pipeline: interface.Pipeline, turns: int = 60) -> interface.Pipeline:
        """Do its turns on this thread, as the durable job would, without waiting."""
        for _ in range(turns):
            if self.pipelines.work.turn(pipeline.id) is None:
                break
            self._answer_canary()
        return self.pipelines.pipeline(self.school, pipeline.id)

    def _answer_canary(self) -> None:
        for now in self.deployment.deployments(self.school):
            if now.canary is None:
                continue
            for _ in range(5):
                self.deployment.note(self.school, f"models:/digits/{now.canary.version}", True, 0.01)

    def at_work(self) -> None:
        """Deliver and go on, in the background."""
        jobs.register(self.pipelines, self.outbox, Scheduler())
        self.outbox.start()
        self.deployment.start()

    def close(self) -> None:
        self.outbox.close()
        self.durable.close()
        self.deployment.close()
        self.catalogue.close()


def build(database: db.Database, url: str, home: Path, *, kills: Kills = "", now: clock.Clock = clock.now) -> House:
    """Schools are made by the first process."""
    vault = crypto.Vault(b"k" * crypto.KEY_BYTES)
    kept = audit.Audit(vault)
    settings = Settings(home=home, cache=home / "cache", starter="none", database_url=url)
    identity, outbox = IdentityService(database, vault, kept), kernel_outbox.Outbox(database)
    catalogue = CatalogueService(database, storage.Storage((home / "store").as_uri()), kept, settings)
    known = identity.schools()
    school = known[0].id if known else identity.create_school("North").id
    disk = rooms.Disk(home / "disk", kills)
    evaluation, data = rooms.Evaluation(disk), rooms.Data(disk, school)
    training = rooms.Training(disk, catalogue, database)
    compression = rooms.Compression(disk, catalogue, database)
    deployment = rooms.Deploying(database, catalogue, identity, kept, outbox, vault, settings, evaluation, now=now)  # type: ignore[arg-type]
    deployment.disk = disk
    jobs_ = durable.open_durable(settings)
    pipelines = PipelinesService(
        database,
        kept,
        outbox,
        jobs_,
        settings,
        data,  # type: ignore[arg-type]  # as much of it as steps ask
        training,  # type: ignore[arg-type]
        evaluation,  # type: ignore[arg-type]
        catalogue,
        deployment,
        identity,
        compression,  # type: ignore[arg-type]
        now=now,
    )
    stepping.LOOK_EVERY_S = 0.05
    if kills:
        _kill_once_recorded(pipelines.work, disk)
    person = "" if known else _person(database, identity, school)
    return House(
        database,
        identity,
        catalogue,
        deployment,
        outbox,
        jobs_,
        pipelines,
        data,
        training,
        evaluation,
        compression,
        disk,
        school,
        person,
    )


def _kill_once_recorded(doing: work.Work, disk: rooms.Disk) -> None:
    """Die also right after a step was written down."""
    record = doing._record

    def recorded(pipeline: interface.Pipeline, step: interface.Step, outcome: Any) -> float:
        wait_s = record(pipeline, step, outcome)
        if isinstance(outcome, stepping.Done):
            disk.kill_at(f"{step.name}_recorded")
        return wait_s

    doing._record = recorded  # type: ignore[method-assign]


def _person(database: db.Database, identity: IdentityService, school: str) -> str:
    return database.write(
        lambda uow: identity.create_account(uow, school_id=school, role="admin", name="Wang", login="wang", secret=None)
    )
