"""Gates of a school, and what they said: set, changed and removed for a reason, every verdict stored and audited."""

import difflib
import re
from collections.abc import Callable, Collection

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.evaluation import families, figures, gates, judging, store
from shuyuan.maas.evaluation.interface import (
    Gate,
    GateChanged,
    GateInUse,
    NewGate,
    ReasonMissing,
    Report,
    UnknownFigure,
    UnknownGate,
    Verdict,
)

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_MOST_NAMED = 5  # users of a gate in an error
Users = Callable[[str, str], list[str]]


def _nobody(school_id: str, name: str) -> list[str]:
    return []


def _no_tasks() -> Collection[str]:
    return ()


class Gatekeeper:
    """Keeps gates and verdicts.

    users: of a gate, in words; set by whoever knows the pipelines.  tasks: that can be trained; a gate of such a name
    goes before that of the task's family.
    """

    def __init__(self, db: kernel_db.Database, audit: kernel_audit.Audit) -> None:
        self._db, self._audit = db, audit
        self.users: Users = _nobody
        self.tasks: Callable[[], Collection[str]] = _no_tasks

    def gates(self, school_id: str) -> list[Gate]:
        """See Evaluation.gates."""
        with self._db.read() as conn:
            own = store.gates(conn, school_id)
        replaced = {one.name for one in own}
        return [*own, *(one for one in gates.SHIPPED.values() if one.name not in replaced)]

    def gate(self, school_id: str, name: str) -> Gate:
        """See Evaluation.gate."""
        with self._db.read() as conn:
            found = _in_force(conn, school_id, name)
        if found is None:
            known = ", ".join(one.name for one in self.gates(school_id))
            raise UnknownGate(f"no gate is called {name[:64]!r}", fix=f"set it, or use one of {known}")
        return found

    def put(self, principal: Principal, name: str, new: NewGate) -> Gate:
        """See Evaluation.put_gate."""
        principal.require("admin")
        if not _NAME.fullmatch(name):
            raise errors.BadInput(f"a gate cannot be named {name[:64]!r}", fix="use a-z 0-9 . _ -, up to 64")
        for condition in new.conditions:
            _require_known(condition.figure)
            if (other := condition.terms()[0]) not in ("", judging.CHAMPION):
                _require_known(other)

        def work(uow: kernel_db.UnitOfWork) -> Gate:
            now = _in_force(uow.conn, principal.school_id, name)
            number = now.number if now is not None else 0
            if new.expected not in (None, number):
                raise GateChanged(
                    f"gate {name!r} is change {number} by now, not {new.expected}", fix="look at it again, then set it"
                )
            if now is not None and not new.reason.strip():
                raise _reason_missing(name, "changed")
            if now is None and name in self.tasks() and not new.reason.strip():
                raise _reason_missing(families.family_of(name), f"replaced for the task {name}")
            stored = store.add_gate(uow, principal.school_id, principal.account_id, name, new)
            self._record(uow, principal, "gate.set", name, stored.number, len(new.conditions))
            return stored

        return self._db.write(work)

    def remove(self, principal: Principal, name: str, reason: str) -> None:
        """See Evaluation.remove_gate."""
        principal.require("admin")
        if not reason.strip():
            raise _reason_missing(name, "removed")
        used = self.users(principal.school_id, name)
        if used:
            raise GateInUse(
                f"gate {name!r} is named by {', '.join(used[:_MOST_NAMED])}",
                fix="give those another gate, or end them first",
            )

        def work(uow: kernel_db.UnitOfWork) -> None:
            if store.gate_by_name(uow.conn, principal.school_id, name) is None:
                shipped = "; a shipped gate stays: set one of its name to replace it" if name in gates.SHIPPED else ""
                raise UnknownGate(
                    f"the school has no gate of its own called {name[:64]!r}{shipped}", fix="see the list"
                )
            number = store.remove_gate(uow, principal.school_id, principal.account_id, name, reason.strip()[:400])
            self._record(uow, principal, "gate.removed", name, number, 0)

        self._db.write(work)

    def judge(self, school_id: str, actor_id: str, gate: Gate, report: Report, champion: judging.Other) -> Verdict:
        """See Evaluation.judge."""
        said = judging.judge(gate, report, champion)

        def work(uow: kernel_db.UnitOfWork) -> Verdict:
            stored = store.add_verdict(uow, school_id, actor_id, said)
            self._audit.record(
                uow,
                school_id=school_id,
                actor_id=actor_id,
                action="gate.judged",
                object_id=stored.id,
                report=report.id,
                gate=stored.gate,
                passed=stored.passed,
                failed_lines=len(stored.failed),
            )
            return stored

        return self._db.write(work)

    def verdict(self, school_id: str, verdict_id: str) -> Verdict:
        """See Evaluation.verdict."""
        with self._db.read() as conn:
            found = store.verdict_by_id(conn, school_id, verdict_id)
        if found is None:
            raise errors.NotFound(f"there is no verdict {verdict_id[:40]!r}", fix="judge the report")
        return found

    def verdicts(self, school_id: str, report_id: str) -> list[Verdict]:
        """See Evaluation.verdicts."""
        with self._db.read() as conn:
            return store.verdicts(conn, school_id, report_id)

    def in_force(self, school_id: str, task: str) -> Gate:
        """See Evaluation.gate_in_force."""
        try:
            return self.gate(school_id, task)
        except UnknownGate:
            return self.gate(school_id, families.family_of(task))

    def _record(
        self, uow: kernel_db.UnitOfWork, principal: Principal, action: str, name: str, number: int, conditions: int
    ) -> None:
        """The reason stands with the gate's change of this number."""
        self._audit.record(
            uow,
            school_id=principal.school_id,
            actor_id=principal.account_id,
            action=action,
            object_id=name,
            number=number,
            conditions=conditions,
        )


def _in_force(conn: Connection, school_id: str, name: str) -> Gate | None:
    """What a gate of this name would replace; None: nothing."""
    shipped: Gate | None = gates.SHIPPED.get(name)  # type: ignore[call-overload]  # any word may be asked for
    return store.gate_by_name(conn, school_id, name) or shipped


def _require_known(figure: str) -> None:
    """Raises UnknownFigure: a condition on it could never be kept."""
    if figures.is_known(figure):
        return
    near = difflib.get_close_matches(figure, [*figures.known(), "subgroup_gap:COLUMN", "cv_mean:FIGURE"], n=1)
    raise UnknownFigure(
        f"no report holds a figure {figure[:60]!r}",
        fix=f"write {near[0]!r}" if near else "choose one of GET /api/gate-figures",
    )


def _reason_missing(name: str, what: str) -> ReasonMissing:
    return ReasonMissing(f"gate {name[:64]!r} is in force and cannot be {what} without a reason", fix="say why")
