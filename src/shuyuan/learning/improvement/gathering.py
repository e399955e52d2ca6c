"""The school's own answers as a data set: the step from records to the model plane, and back when somebody says no.

Responses of learners who agreed to the purpose → CSV with keyed pseudonyms → a data set, personal, with its basis. Who
is in it is noted here and nowhere else; a learner who withdraws or is erased is taken out of it, and of all
that was made from it, by the model plane, which never learns who that was.
"""

import csv
import functools
import io
import tempfile
import threading
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import IO, Any, get_args

from sqlalchemy import Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, crypto, errors, ids, log
from shuyuan.kernel import db as kernel_db
from shuyuan.learning.improvement import gatheringstore as store
from shuyuan.learning.improvement.interface import Gatherable, NotEnoughAnswers
from shuyuan.learning.people.interface import People, Purpose
from shuyuan.learning.records.interface import Records, Response
from shuyuan.maas.datasets import interface as datasets_api

PURPOSES: tuple[Purpose, ...] = tuple(one for one in get_args(Purpose) if one != "learning")
FEWEST_LEARNERS = 8  # with fewer a pseudonym hides nobody
COLUMNS = ("person", "item", "points", "correct", "at", "seconds", "attempt")
_BEGUN_WITHIN = timedelta(days=1)  # a work noted longer ago that is not there never began
_ROLES = {
    "person": {"role": "person"},
    "item": {"kind": "identifier", "role": "feature"},
    "correct": {"role": "label"},
    "at": {"role": "time"},
    "attempt": {"kind": "identifier", "role": "ignore"},
}
_logger = log.get("improvement.gathering")


class Gathering:
    """Implements `interface.Gathering`."""

    def __init__(
        self,
        db: kernel_db.Database,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        people: People,
        records: Records,
        datasets: datasets_api.DataSets,
    ) -> None:
        self._db, self._vault, self._audit = db, vault, audit
        self._people, self._records, self._datasets = people, records, datasets
        self._one_at_a_time = threading.Lock()  # an event and the clock may come together

    def gatherable(self, principal: Principal) -> list[Gatherable]:
        """See Gathering.gatherable."""
        principal.require("admin", "teacher")
        answers, found = self._records.counted(principal.school_id), []
        for purpose in PURPOSES:
            whose = [answers[one] for one in self._agreed(principal, purpose) if one in answers]
            found.append(Gatherable(purpose, len(whose), sum(whose)))
        return found

    def gather(self, principal: Principal, name: str, purpose: Purpose, *, said: str = "") -> datasets_api.Work:
        """See Gathering.gather."""
        principal.require("admin", "teacher")
        if purpose not in PURPOSES:
            raise errors.BadInput(f"{purpose!r} is no purpose of training", fix=f"use {' or '.join(PURPOSES)}")
        with tempfile.TemporaryFile() as file:
            learners, answers = self._written(self._answers(principal, purpose), file)
            if len(learners) < FEWEST_LEARNERS:
                raise NotEnoughAnswers(
                    f"{len(learners)} learners who agreed to {purpose} have answered",
                    fix=f"from {FEWEST_LEARNERS} on a pseudonym hides somebody: ask more families",
                )
            new = datasets_api.NewDataSet(
                name=name,
                format="csv",
                filename="answers.csv",
                purpose=said or f"answers, for {purpose}",
                personal=True,
                consent=True,
                basis=f"{len(learners)} learners agreed to {purpose}",
                columns={one: datasets_api.ColumnPlan.model_validate(told) for one, told in _ROLES.items()},
            )
            file.seek(0)
            work_id, told = ids.new_id(), {"learner_ids": sorted(learners), "answers": answers}
            self._note(principal, work_id, {"name": name, "purpose": purpose, **told})
            return self._datasets.create(principal.school_id, principal.account_id, file, new, work_id=work_id)

    def _note(self, principal: Principal, work_id: str, told: Mapping[str, Any]) -> None:  # Any: columns
        """Who is in it, before there is anything of it: whatever ends this process, no set is without its row."""

        def note(uow: kernel_db.UnitOfWork) -> None:
            store.add(uow, principal.school_id, principal.account_id, {**told, "work_id": work_id})
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="data_set.gathered",
                object_id=work_id,
                name=told["name"],
                purpose=told["purpose"],
                learners=len(told["learner_ids"]),
                answers=told["answers"],
            )

        self._db.write(note)

    def keep_promises(self, school_id: str | None = None) -> int:
        """See Gathering.keep_promises."""
        begun = 0
        with self._one_at_a_time:
            with self._db.read() as conn:
                rows = store.every(conn, school_id)
            for row in rows:
                try:
                    begun += self._keep(row)
                except errors.ShuyuanError as refused:  # a full queue or disk: the next turn tries again
                    _logger.warning("erasure_waits", set=row.id, error=repr(refused))
        return begun

    def _keep(self, row: Row[Any]) -> bool:  # Any: a row's values
        """Note what the last work came to; begin another one where somebody is in it who does not agree."""
        now = self._noted(row)
        if now is None or not now["version"]:
            return False
        gone = set(now["learner_ids"]) - self._people.consented(row.school_id, row.purpose)
        if not gone:
            return False
        why = f"{len(gone)} of the learners no longer agree to {row.purpose}"
        persons = [self._pseudonym(one) for one in sorted(gone)]
        work_id = ids.new_id()  # noted before there is such a work: what it makes is found again
        self._db.write(lambda uow: store.change(uow, row.id, {"work_id": work_id, "leaving": sorted(gone)}))
        asked = (row.school_id, kernel_audit.SYSTEM, now["version"], persons, why)
        try:
            self._datasets.erase_persons(*asked, work_id=work_id)
        except (datasets_api.UnknownDataSet, datasets_api.DataSetPurged):
            self._db.write(functools.partial(store.forget, row_id=row.id))
            return False
        return True

    def _noted(self, row: Row[Any]) -> dict[str, Any] | None:  # Any: a row's values
        """The row as the end of its work makes it; None while it is under way, and for an import that failed."""
        try:
            work = self._datasets.work(row.school_id, row.work_id)
        except datasets_api.UnknownDataSet:
            work = None
        if work is not None and not work.ended:
            return None
        if work is not None and work.state == "finished":
            left = [one for one in row.learner_ids if one not in row.leaving]
            now = {"version": work.version, "learner_ids": left, "leaving": []}
        elif row.version:
            now = {"version": row.version, "learner_ids": row.learner_ids, "leaving": []}
        else:
            if work is not None or clock.now() - row.created_at > _BEGUN_WITHIN:
                self._db.write(functools.partial(store.forget, row_id=row.id))
            return None
        if now != {name: row._mapping[name] for name in now}:
            self._db.write(lambda uow: store.change(uow, row.id, now))
        return now

    def _answers(self, principal: Principal, purpose: Purpose) -> Iterable[Response]:
        """What counts of the learners who agreed."""
        return self._records.history(principal.school_id, self._agreed(principal, purpose))

    def _agreed(self, principal: Principal, purpose: Purpose) -> frozenset[str]:
        """The learners who did; a teacher's are those of their classes."""
        agreed = self._people.consented(principal.school_id, purpose)
        if principal.role == "teacher":
            classes = self._people.classes(principal)
            agreed &= {one.id for each in classes for one in self._people.learners(principal, each.id)}
        return agreed

    def _written(self, answers: Iterable[Response], file: IO[bytes]) -> tuple[set[str], int]:
        """The answers as CSV; whose they are, and how many."""
        text, learners, count = io.TextIOWrapper(file, "utf-8", newline=""), set[str](), 0
        rows = csv.writer(text)
        rows.writerow(COLUMNS)
        for one in answers:
            learners.add(one.learner_id)
            count += 1
            seconds = "" if one.seconds is None else f"{one.seconds:g}"
            attempt = self._vault.keyed_hash("data set attempt", one.attempt_id)[:16]
            at = (one.counted_at or one.at).isoformat(timespec="seconds")
            points, correct = "|".join(one.points), str(one.correct).lower()
            rows.writerow((self._pseudonym(one.learner_id), one.item_id, points, correct, at, seconds, attempt))
        text.detach()
        return learners, count

    def _pseudonym(self, learner_id: str) -> str:
        """The same in every set of this installation; nobody can go back without the master key."""
        return "p-" + self._vault.keyed_hash("data set", learner_id)[:24]
