"""Turn the loop: data set → refit → report → gate → version → served, or refused and kept visible."""

import time
from dataclasses import asdict, dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import safetensors.numpy

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import crypto, errors
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.learning.improvement import dataset, gate, store
from shuyuan.learning.improvement.interface import (
    MINIMUM_ANSWERS,
    MINIMUM_LEARNERS,
    Condition,
    ExamFreeze,
    LoopStatus,
    NotEnoughAnswers,
    State,
    TracerVersion,
)
from shuyuan.learning.people.interface import People
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.maas.catalogue.interface import CHAMPION, Catalogue, LocalText, NewVersion
from shuyuan.science.tracing import online

MODEL = "tracer"
CARD = LocalText(
    zh="本校学情追踪：只用同意用于改进的学生的作答拟合，每次作答后更新掌握程度。",
    en="This school's knowledge tracer: fitted on answers of learners who agreed, it moves mastery with every answer.",
)
TURNS_AT = 200  # new answers
SEED = 7


class Fit(Protocol):
    """How a tracer is fitted: `online.fit`, or another way in a test."""

    def __call__(self, table: online.Interactions, *, seed: int) -> online.Params: ...


@dataclass(frozen=True)
class _Candidate:
    params: online.Params
    weights: bytes
    figures: dict[str, float]


class ImprovementService:
    """The `Improvement` of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        identity: Identity,
        people: People,
        records: Records,
        tracing: Tracing,
        catalogue: Catalogue,
        storage: kernel_storage.Storage,
        settings: kernel_settings.Settings,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
        fit: Fit = online.fit,
    ) -> None:
        self._db, self._vault, self._audit, self._clock = db, vault, audit, clock
        self._identity, self._people, self._records, self._tracing = identity, people, records, tracing
        self._school_time = ZoneInfo(settings.timezone)
        self._catalogue, self._storage, self._refit = catalogue, storage, fit

    def turn(self, school_id: str, *, by: str) -> TracerVersion:
        began = time.monotonic()
        self._refuse_in_exam(school_id)
        agreed = self._people.consented(school_id, "improvement")
        data = dataset.build(self._vault, self._records.history(school_id, agreed))
        _enough(data)
        parent = self._tracing.version(school_id)
        candidate = self._fit(school_id, data)
        found = gate.conditions(candidate.figures)
        passed = all(condition.passed for condition in found)
        state: State = "champion" if passed else "refused"
        addresses = self._storage.put(data.raw), self._storage.put(candidate.weights)
        seen = self._records.count(school_id)
        left_out = len(set(self._records.learners(school_id)) - agreed)

        def work(uow: kernel_db.UnitOfWork) -> TracerVersion:
            number = store.next_number(uow.conn, school_id)
            registered = self._catalogue.register_version(
                uow,
                school_id=school_id,
                actor_id=by,
                version=NewVersion(
                    model=MODEL,
                    runner="online",
                    artefact_sha256=addresses[1],
                    size_bytes=len(candidate.weights),
                    card=CARD,
                    figures=candidate.figures,
                    lineage={"data_sha256": addresses[0], "seed": str(SEED), "parent": parent},
                ),
            )
            turned = store.add(
                uow,
                school_id,
                addresses[1],
                number=number,
                version=registered.uri,
                state="refused",
                answers=data.answers,
                learners=data.learners,
                left_out=left_out,
                seen=seen,
                data_sha256=addresses[0],
                parent=parent,
                figures=candidate.figures,
                conditions=[asdict(condition) for condition in found],
                reason="gate" if passed else _refusal(found),
                by=by,
                seconds=time.monotonic() - began,
            )
            self._audit.record(
                uow,
                school_id=school_id,
                actor_id=by,
                action=f"tracer.{'promoted' if passed else 'refused'}",
                object_id=turned.id,
                number=number,
                answers=data.answers,
            )
            if passed:
                self._serve(uow, school_id, turned, candidate.weights, by, "gate")
            return turned

        turned = self._db.write(work)
        if state == "champion":
            self._tracing.rebuild(school_id)
        return self._one(school_id, turned.id)[0]

    def turn_if_due(self, school_id: str) -> TracerVersion | None:
        local = self._clock().astimezone(self._school_time)
        if kernel_clock.in_school_hours(local) or self._answers_since(school_id) < TURNS_AT:
            return None
        try:
            return self.turn(school_id, by=kernel_audit.SYSTEM)
        except (NotEnoughAnswers, ExamFreeze):
            return None

    def versions(self, principal: Principal) -> list[TracerVersion]:
        principal.require("admin", "teacher", "developer")
        with self._db.read() as conn:
            return store.newest_first(conn, principal.school_id)

    def version(self, principal: Principal, version_id: str) -> TracerVersion:
        principal.require("admin", "teacher", "developer")
        return self._one(principal.school_id, version_id)[0]

    def status(self, principal: Principal) -> LoopStatus:
        principal.require("admin", "teacher", "developer")
        school_id = principal.school_id
        return LoopStatus(
            self._tracing.version(school_id),
            self._answers_since(school_id),
            TURNS_AT,
            f"{kernel_clock.CLOSES_HOUR:02d}:00-{kernel_clock.OPENS_HOUR:02d}:00 {self._school_time.key}",
        )

    def roll_back(self, principal: Principal, version_id: str, reason: str) -> TracerVersion:
        principal.require("admin")
        self._refuse_in_exam(principal.school_id)
        if not reason.strip():
            raise errors.BadInput("no reason was given", fix="say in a sentence why this version shall be used")
        found, address = self._one(principal.school_id, version_id)
        if found.state == "champion":
            raise errors.Conflict(f"version {found.number} is in use already", fix="choose another version")
        weights = self._storage.get(address)

        def work(uow: kernel_db.UnitOfWork) -> None:
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="tracer.chosen",
                object_id=found.id,
                number=found.number,
                was=found.state,
            )
            self._serve(uow, principal.school_id, found, weights, principal.account_id, reason.strip()[:500])

        self._db.write(work)
        self._tracing.rebuild(principal.school_id)
        return self._one(principal.school_id, version_id)[0]

    def _refuse_in_exam(self, school_id: str) -> None:
        until = self._identity.exam_until(school_id)
        if until is not None and until > self._clock():
            raise ExamFreeze(
                f"an exam runs until {until:%Y-%m-%d %H:%M} UTC: no version changes before it ends",
                fix="wait for its end, or end the exam mode of that class",
            )

    def _serve(
        self, uow: kernel_db.UnitOfWork, school_id: str, chosen: TracerVersion, weights: bytes, by: str, reason: str
    ) -> None:
        store.crown(uow, school_id, chosen.id, reason)
        self._catalogue.promote(
            uow,
            school_id=school_id,
            actor_id=by,
            model=MODEL,
            alias=CHAMPION,
            version=int(chosen.version.rpartition("/")[2]),
            reason=reason,
        )
        self._tracing.adopt(uow, school_id, chosen.version, weights)

    def _fit(self, school_id: str, data: dataset.DataSet) -> _Candidate:
        params = self._refit(data.fit, seed=SEED)
        serving = self._tracing.tracer(school_id).params
        said, said_now = online.replay(params, data.held_out), online.replay(serving, data.held_out)
        figures = gate.figures(data.held_out.correct, said, said_now, SEED)
        figures["held_out_learners"] = float(data.held_out_learners)
        return _Candidate(params, safetensors.numpy.save(params.to_arrays()), figures)

    def _answers_since(self, school_id: str) -> int:
        with self._db.read() as conn:
            return max(0, self._records.count(school_id) - store.seen_by_last(conn, school_id))

    def _one(self, school_id: str, version_id: str) -> tuple[TracerVersion, str]:
        with self._db.read() as conn:
            found = store.one(conn, school_id, version_id)
        if found is None:
            raise errors.NotFound(f"no tracer version {version_id}", fix="choose one of the list")
        return found


def _enough(data: dataset.DataSet) -> None:
    judged = set(data.held_out.correct.tolist())
    if data.answers < MINIMUM_ANSWERS or data.learners < MINIMUM_LEARNERS or len(judged) < 2:
        raise NotEnoughAnswers(
            f"{data.answers} answers of {data.learners} learners who agreed",
            fix=f"the loop turns from {MINIMUM_ANSWERS} answers of {MINIMUM_LEARNERS} learners on",
        )


def _refusal(found: tuple[Condition, ...]) -> str:
    return ", ".join(condition.name for condition in found if not condition.passed)
