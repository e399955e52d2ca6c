"""The school's own answers for research, in the format tracers are compared on: pseudonyms, and only of who agreed.

Refuses: a purpose nobody can agree to; so few learners that a pseudonym hides nobody; what learners wrote, names, ages.
Each export is in the activity log. The pseudonyms are those of the school's data sets.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TextIO

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db, errors
from shuyuan.learning.insight.interface import ExportForm
from shuyuan.learning.people.interface import People, Purpose
from shuyuan.learning.records.interface import Records
from shuyuan.science.tracing import interchange
from shuyuan.science.tracing.interactions import Answer

PURPOSES: tuple[Purpose, ...] = ("research", "improvement")
FEWEST_LEARNERS = 8  # with fewer a pseudonym hides nobody


class Available(NamedTuple):
    """How much there is for a purpose."""

    purpose: Purpose
    learners: int
    answers: int


class AnswersOut:
    """Implements `interface.AnswersExport`."""

    def __init__(
        self, db: db.Database, vault: crypto.Vault, audit: kernel_audit.Audit, people: People, records: Records
    ) -> None:
        self._db, self._vault, self._audit = db, vault, audit
        self._people, self._records = people, records
        self._counting = threading.Lock()  # one count of a school's whole history at a time
        self._counted: dict[str, tuple[object, list[Available]]] = {}  # what it stood on, and what it came to

    def available(self, principal: Principal) -> list[Available]:
        """See AnswersExport.available. Counted again once there is another answer or another agreement."""
        principal.require("admin", "developer")
        school_id = principal.school_id
        agreed = {purpose: self._people.consented(school_id, purpose) for purpose in PURPOSES}
        with self._counting:
            stands_on = (self._records.count(school_id), agreed)
            kept = self._counted.get(school_id)
            if kept is None or kept[0] != stands_on:
                kept = self._counted[school_id] = stands_on, self._count(school_id, agreed)
        return kept[1]

    def _count(self, school_id: str, agreed: Mapping[Purpose, frozenset[str]]) -> list[Available]:
        found: dict[Purpose, dict[str, int]] = {purpose: {} for purpose in PURPOSES}
        for one in self._records.history(school_id, frozenset().union(*agreed.values())):
            for purpose in PURPOSES:
                if one.learner_id in agreed[purpose]:
                    found[purpose][one.learner_id] = found[purpose].get(one.learner_id, 0) + 1
        return [Available(purpose, len(each), sum(each.values())) for purpose, each in found.items()]

    def write(
        self,
        principal: Principal,
        purpose: str,
        form: ExportForm,
        file: TextIO,
        *,
        noted: bool = True,
        text_of: Callable[[str], str] | None = None,
    ) -> set[str]:
        """See AnswersExport.write. text_of: what an item says, into a CSV that stays here; never into an export."""
        principal.require("admin", "developer")
        known = {one: one for one in PURPOSES}
        if purpose not in known:
            raise errors.BadInput(f"{purpose[:40]!r} is no purpose", fix=f"use {' or '.join(PURPOSES)}")
        agreed = self._people.consented(principal.school_id, known[purpose])
        self._refuse_few(principal.school_id, purpose, agreed)
        who: set[str] = set()
        found = self._rows(principal.school_id, agreed, who)
        rows = interchange.write_json(found, file) if form == "json" else interchange.write_csv(found, file, text_of)
        if noted:
            self._note(principal, purpose, len(who), rows)
        return who

    def _refuse_few(self, school_id: str, purpose: str, agreed: frozenset[str]) -> None:
        """Before anything is written: the rows go out as they come."""
        there: set[str] = set()
        for one in self._records.history(school_id, agreed):
            there.add(one.learner_id)
            if len(there) == FEWEST_LEARNERS:
                return
        raise errors.Conflict(
            f"{len(there)} learners who agreed to {purpose} have answered",
            fix=f"from {FEWEST_LEARNERS} on a pseudonym hides somebody: ask more families",
        )

    def _rows(self, school_id: str, agreed: frozenset[str], who: set[str]) -> Iterator[Answer]:
        for one in self._records.history(school_id, agreed):
            who.add(one.learner_id)
            pseudonym = "p-" + self._vault.keyed_hash("data set", one.learner_id)[:24]
            yield Answer(pseudonym, one.item_id, one.points, one.correct, (one.counted_at or one.at).timestamp())

    def _note(self, principal: Principal, purpose: str, learners: int, answers: int) -> None:
        def note(uow: db.UnitOfWork) -> None:
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="answers.exported",
                object_id=principal.school_id,
                purpose=purpose,
                learners=learners,
                answers=answers,
            )

        self._db.write(note)
