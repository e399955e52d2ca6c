"""Gates of a school, and what they said: every verdict is stored and audited."""

import re

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.evaluation import families, gates, judging, store
from shuyuan.maas.evaluation.interface import Gate, NewGate, Report, UnknownGate, Verdict

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class Gatekeeper:
    """Keeps gates and verdicts."""

    def __init__(self, db: kernel_db.Database, audit: kernel_audit.Audit) -> None:
        self._db, self._audit = db, audit

    def gates(self, school_id: str) -> list[Gate]:
        """See Evaluation.gates."""
        with self._db.read() as conn:
            own = store.gates(conn, school_id)
        replaced = {one.name for one in own}
        return [*own, *(one for one in gates.SHIPPED.values() if one.name not in replaced)]

    def gate(self, school_id: str, name: str) -> Gate:
        """See Evaluation.gate."""
        with self._db.read() as conn:
            own = store.gate_by_name(conn, school_id, name)
        if own is not None:
            return own
        shipped = gates.SHIPPED.get(name)  # type: ignore[call-overload]  # any word may be asked for
        if shipped is None:
            known = ", ".join(one.name for one in self.gates(school_id))
            raise UnknownGate(f"no gate is called {name[:64]!r}", fix=f"set it, or use one of {known}")
        found: Gate = shipped
        return found

    def put(self, principal: Principal, name: str, new: NewGate) -> Gate:
        """See Evaluation.put_gate."""
        principal.require("admin")
        if not _NAME.fullmatch(name):
            raise errors.BadInput(f"a gate cannot be named {name[:64]!r}", fix="use a-z 0-9 . _ -, up to 64")

        def work(uow: kernel_db.UnitOfWork) -> Gate:
            stored = store.add_gate(uow, principal.school_id, principal.account_id, name, new)
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="gate.set",
                object_id=name,
                number=stored.number,
                conditions=len(new.conditions),
            )
            return stored

        return self._db.write(work)

    def judge(
        self, school_id: str, actor_id: str, name: str, report: Report, champion: Report | judging.Unreported | None
    ) -> Verdict:
        """See Evaluation.judge."""
        said = judging.judge(
            self.gate(school_id, name) if name else self.in_force(school_id, report.task), report, champion
        )

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
        """The gate of a task: the one called like it, else the one of its family."""
        try:
            return self.gate(school_id, task)
        except UnknownGate:
            return self.gate(school_id, families.family_of(task))
