"""Import a class list: plan (the dry run), hash the new PINs outside the unit, then all good lines in one unit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import Connection

from shuyuan.identity import interface as identity_interface
from shuyuan.identity.interface import Hashed, Principal
from shuyuan.kernel import db
from shuyuan.learning.people import base, roster, sheet, store
from shuyuan.learning.people.interface import JoinSlip, RosterReport
from shuyuan.learning.people.learners import Learners

HASHERS = 4
Pins = dict[int, tuple[str, Hashed]]  # line → PIN and its hash


class Importing(Learners):
    """The roster verb of `interface.People`."""

    def import_roster(
        self, principal: Principal, class_id: str | None, filename: str, content: bytes, *, dry_run: bool
    ) -> RosterReport:
        """Read a class list into `class_id`, or with a class column into the caller's classes.

        Bad lines are refused with their reason and the good ones imported together; a pupil who is there already
        (same class, same number) gets the name and age band of the list, never another PIN.
        """
        principal.require("admin", "teacher")
        read = sheet.read(filename, content)
        with self._db.read() as conn:
            targets = self._targets(conn, principal, class_id)
            planned = self._plan(conn, read.lines, targets, only=bool(class_id))
        if dry_run:
            return replace(_report(planned, dry_run=True), ignored=read.ignored)
        new = [one for one in planned if one.row.action == "create"]
        chosen = self._hash_pins(new)
        self._db.write(lambda uow: self._apply(uow, principal, planned, chosen, class_id))
        report = _report(planned, dry_run=False, slips=_slips(new, chosen, targets), one_class=bool(class_id))
        return replace(report, ignored=read.ignored)

    def _targets(self, conn: Connection, principal: Principal, class_id: str | None) -> list[roster.Target]:
        rows = [self._class_row(conn, principal, class_id)] if class_id else store.classes(conn, principal)
        return [roster.Target(row.id, row.name, row.code) for row in rows]

    def _plan(
        self, conn: Connection, lines: list[sheet.Line], targets: list[roster.Target], *, only: bool
    ) -> list[roster.Planned]:
        there = store.by_number(conn, [target.id for target in targets])
        self._vault.warm(conn, [row.id for row in there.values()])

        def known(target: roster.Target, number: str) -> roster.Known | None:
            row = there.get((target.id, self._number_hash(target.code, number)))
            if row is None:
                return None
            return roster.Known(row.id, self._vault.open(conn, row.id, base.NAME_FIELD, row.name), row.age_band)

        by_name = {target.name: target for target in targets}
        return roster.plan(lines, targets=by_name, only=targets[0] if only else None, known=known)

    def _hash_pins(self, new: list[roster.Planned]) -> Pins:
        given = [one.pin or identity_interface.new_pin() for one in new]
        with ThreadPoolExecutor(HASHERS, "roster-pins") as pool:
            hashed = list(pool.map(lambda pin: self._identity.hash_secret(pin, "student"), given))
        return {one.row.line: both for one, both in zip(new, zip(given, hashed, strict=True), strict=True)}

    def _apply(
        self,
        uow: db.UnitOfWork,
        principal: Principal,
        planned: list[roster.Planned],
        chosen: Pins,
        class_id: str | None,
    ) -> None:
        joined: dict[str, list[str]] = {}
        into = {row.id: row for row in store.classes(uow.conn, principal)}
        for one in planned:
            if one.row.action == "create":
                if one.class_id not in into:  # taken from the caller since the plan was made
                    raise base.no_class(one.class_id)
                learner_id = self._insert(
                    uow,
                    into[one.class_id],
                    number=one.row.number,
                    name=one.row.name,
                    pin=chosen[one.row.line][1],
                    age_band=one.age_band or "unknown",
                    simulated=False,
                    consent=frozenset({"learning"}),
                    actor_id=principal.account_id,
                    language=principal.language,
                )
                joined.setdefault(one.class_id, []).append(learner_id)
            elif one.row.action == "update" and one.learner_id is not None:
                self._update(uow, principal.school_id, one.learner_id, one)
        for group_id, members in joined.items():
            self._identity.add_to_group(uow, school_id=principal.school_id, group_id=group_id, account_ids=members)
        done = _report(planned, dry_run=False)
        self._record(
            uow,
            principal,
            "roster.imported",
            class_id or principal.school_id,
            created=done.created,
            updated=done.updated,
            refused=done.refused,
        )

    def _update(self, uow: db.UnitOfWork, school_id: str, learner_id: str, one: roster.Planned) -> None:
        values: dict[str, object] = {"name": self._vault.seal(uow, learner_id, base.NAME_FIELD, one.row.name)}
        if one.age_band is not None:
            values["age_band"] = one.age_band
        store.change_learner(uow.conn, learner_id, **values)
        self._identity.rename(uow, school_id=school_id, account_id=learner_id, name=one.row.name)


def _slips(new: list[roster.Planned], chosen: Pins, targets: list[roster.Target]) -> tuple[JoinSlip, ...]:
    by_id = {target.id: target for target in targets}
    return tuple(
        JoinSlip(
            by_id[one.class_id].name, by_id[one.class_id].code, one.row.number, one.row.name, chosen[one.row.line][0]
        )
        for one in new
    )


def _report(
    planned: list[roster.Planned], *, dry_run: bool, slips: tuple[JoinSlip, ...] = (), one_class: bool = True
) -> RosterReport:
    actions = [one.row.action for one in planned]
    return RosterReport(
        rows=tuple(one.row for one in planned),
        created=actions.count("create"),
        updated=actions.count("update"),
        refused=actions.count("refuse"),
        dry_run=dry_run,
        slips=slips,
        pins={slip.number if one_class else f"{slip.class_code}:{slip.number}": slip.pin for slip in slips},
    )
