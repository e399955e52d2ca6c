"""What a school still needs before a class can start, measured from the real state: never ticked by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shuyuan.identity.interface import RESPONSIBLE, Account, Principal
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import Entry
from shuyuan.web import machine
from shuyuan.web.needs import Needs, OfficeNeeds

ROOM_BYTES = 2_000_000_000  # what the records of a school and its backups need, beside models
FRESH = timedelta(days=7)
RESPONSIBLE_NAMED = "responsible.named"  # its entry in the activity log


@dataclass(frozen=True)
class Check:
    """One line. `says`: which sentence of the words; `values` fill it in."""

    name: str
    done: bool
    says: str
    values: Mapping[str, object]


def checks(needs: OfficeNeeds, reader: Principal) -> list[Check]:
    """Every line, in the order in which one does them."""
    return list(_walk(needs, reader))


def responsible(needs: Needs | OfficeNeeds, reader: Principal) -> Account | None:
    """Who sees signs of harm, and whom families ask; None while nobody is named, or they left."""
    named = needs.identity.setting(reader.school_id, RESPONSIBLE)
    if named is None:
        return None
    try:
        found = needs.identity.account(reader, str(named.value["account_id"]))
    except errors.NotFound:
        return None
    return found if found.active else None


def name_responsible(needs: OfficeNeeds, reader: Principal, chosen: Account) -> None:
    """Keep who it is, and that it was decided."""

    def keep(uow: kernel_db.UnitOfWork) -> None:
        needs.identity.set_setting(uow, school_id=reader.school_id, name=RESPONSIBLE, value={"account_id": chosen.id})
        needs.audit.record(
            uow,
            school_id=reader.school_id,
            actor_id=reader.account_id,
            action=RESPONSIBLE_NAMED,
            object_id=chosen.id,
        )

    needs.db.write(keep)


def starter(needs: OfficeNeeds) -> Entry | None:
    """The language model this installation was told to use; None: told to use none."""
    return next((one.entry for one in needs.catalogue.models() if one.entry.name == needs.settings.starter), None)


def _walk(needs: OfficeNeeds, reader: Principal) -> Iterator[Check]:
    for look in (_disk, _memory, _network, _courses, _roster, _teachers, _model, _consent, _responsible, _backup):
        yield look(needs, reader)


def _disk(needs: OfficeNeeds, _: Principal) -> Check:
    free, entry = machine.disk_free(needs.settings.home), starter(needs)
    coming = entry.size_bytes if entry and not _here(needs, entry) else 0
    wanted = ROOM_BYTES + coming
    return _check("disk", free >= wanted, free=machine.size(free), wanted=machine.size(wanted))


def _memory(needs: OfficeNeeds, _: Principal) -> Check:
    found, entry = machine.memory(), starter(needs)
    wanted = entry.memory_bytes if entry else 0
    name = entry.name if entry else ""
    loaded = max((status.rss_bytes for status in needs.engine.status() if status.model == name), default=0)
    return _check(
        "memory",
        found.available + loaded >= wanted,
        total=machine.size(found.total),
        free=machine.size(found.available),
        wanted=machine.size(wanted),
    )


def _network(needs: OfficeNeeds, _: Principal) -> Check:
    host = needs.settings.host
    return _check("network", needs.settings.tls_cert is not None and not machine.only_here(host), host=host)


def _courses(needs: OfficeNeeds, reader: Principal) -> Check:
    found = needs.courses.courses(reader.school_id)
    return _check("courses", bool(found), n=len(found), items=sum(course.items for course in found))


def _roster(needs: OfficeNeeds, reader: Principal) -> Check:
    classes = needs.people.classes(reader)
    pupils = sum(class_.size for class_ in classes)
    return _check("roster", pupils > 0, n=pupils, classes=len(classes))


def _teachers(needs: OfficeNeeds, reader: Principal) -> Check:
    teachers = [one for one in needs.identity.accounts(reader) if one.role == "teacher" and one.active]
    return _check("teachers", bool(teachers), n=len(teachers))


def _model(needs: OfficeNeeds, _: Principal) -> Check:
    entry = starter(needs)
    if entry is None:
        return Check("model", False, "none", {})
    if _here(needs, entry):
        return _check("model", True, name=entry.name)
    progress = needs.catalogue.pull_progress(entry.name)
    if progress is None or progress.finished:
        return _check("model", False, name=entry.name, size=machine.size(entry.size_bytes))
    share = 100 * progress.bytes_done // progress.bytes_total
    return Check("model", False, "coming", {"name": entry.name, "share": share})


def _consent(needs: OfficeNeeds, reader: Principal) -> Check:
    pupils = sum(class_.size for class_ in needs.people.classes(reader))
    agreed = len(needs.people.consented(reader.school_id, "improvement"))
    return _check("consent", agreed > 0, n=agreed, pupils=pupils)


def _responsible(needs: OfficeNeeds, reader: Principal) -> Check:
    who = responsible(needs, reader)
    return _check("responsible", who is not None, name=who.name if who else "")


def _backup(needs: OfficeNeeds, _: Principal) -> Check:
    at = machine.last_backup(needs.settings.home)
    if at is None:
        return Check("backup", False, "none", {})
    age = datetime.now(UTC) - at
    return _check("backup", age < FRESH, n=age.days, at=at, folder=needs.settings.home / machine.BACKUPS)


def _here(needs: OfficeNeeds, entry: Entry) -> bool:
    return any(one.here for one in needs.catalogue.models() if one.entry.name == entry.name)


def _check(name: str, done: bool, /, **values: object) -> Check:
    return Check(name, done, "done" if done else "todo", values)
