"""Every query of data sets, each scoped to a school."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from shuyuan.kernel import audit, db
from shuyuan.maas.datasets import interface, tables

_V, _P, _U, _W = tables.version, tables.part, tables.use, tables.work
OPEN = ("queued", "running")
_REFUSED = ("data_set.consent_withdrawn", "data_set.persons_erased")


def add_version(
    uow: db.UnitOfWork, school_id: str, actor_id: str, name: str, said: Mapping[str, Any]
) -> tuple[interface.DataSetVersion, bool]:
    """The next number of `name`, and True; or the version that says the same already.  Any: columns as JSON."""
    number = db.next_number(uow.conn, _V.c.number, school_id=school_id, name=name)
    same = _versions(school_id).where(_V.c.name == name, _V.c.sha256 == said["sha256"], _V.c.purged_at.is_(None))
    facts = ("parent_id", "consent", "personal", "purpose")
    for row in uow.conn.execute(same.order_by(_V.c.number.desc())):
        if all(row._mapping[fact] == said[fact] for fact in facts):
            return _version(row), False
    values = {**said, "school_id": school_id, "name": name, "number": number, "created_by": actor_id}
    added = uow.conn.execute(_V.insert().values(**values, created_at=uow.now).returning(_V.c.id)).scalar_one()
    held = [{"part": part, "sha256": told["sha256"]} for part, told in said["parts"].items()]
    uow.conn.execute(_P.insert(), [{"version_id": added, "school_id": school_id, **one} for one in held])
    found = version_by_id(uow.conn, school_id, added)
    assert found is not None
    return found, True


def version(conn: Connection, school_id: str, name: str, number: int | None) -> interface.DataSetVersion | None:
    """The version of this number, or the newest; a tombstone only where nothing else is left."""
    query = _versions(school_id).where(_V.c.name == name)
    if number is not None:
        query = query.where(_V.c.number == number)
    row = conn.execute(query.order_by(_V.c.purged_at.is_not(None), _V.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else _version(row)


def version_by_id(conn: Connection, school_id: str, version_id: str) -> interface.DataSetVersion | None:
    """The version of this id."""
    row = conn.execute(_versions(school_id).where(_V.c.id == version_id)).one_or_none()
    return None if row is None else _version(row)


def by_ids(conn: Connection, school_id: str, version_ids: Sequence[str]) -> list[interface.DataSetVersion]:
    """The versions of these ids, in their order."""
    query = _versions(school_id).where(_V.c.id.in_(version_ids))
    found = {row.id: _version(row) for row in conn.execute(query)}
    return [found[one] for one in version_ids if one in found]


def versions(conn: Connection, school_id: str, name: str | None = None) -> list[interface.DataSetVersion]:
    """Newest first."""
    query = _versions(school_id).order_by(_V.c.created_at.desc(), _V.c.number.desc())
    return [_version(row) for row in conn.execute(query if name is None else query.where(_V.c.name == name))]


def preview(conn: Connection, school_id: str, version_id: str) -> list[dict[str, Any]]:
    """The first rows, as they were kept.  Any: JSON."""
    query = select(_V.c.preview).where(_V.c.school_id == school_id, _V.c.id == version_id)
    return list(conn.execute(query).scalar_one_or_none() or [])


def children(conn: Connection, school_id: str, version_id: str) -> int:
    """How many versions were made from it."""
    query = select(func.count()).where(_V.c.school_id == school_id, _V.c.parent_id == version_id)
    return int(conn.execute(query).scalar_one())


def newest(conn: Connection, school_id: str, *, limit: int, after: str) -> list[interface.DataSetVersion]:
    """The newest version of each data set by name; of a purged one the newest tombstone."""
    best = func.row_number().over(partition_by=_V.c.name, order_by=(_V.c.purged_at.is_not(None), _V.c.number.desc()))
    ranked = select(_V.c.id, best.label("rank")).where(_V.c.school_id == school_id, _V.c.name > after).subquery()
    chosen = select(ranked.c.id).where(ranked.c.rank == 1)
    query = _versions(school_id).where(_V.c.id.in_(chosen)).order_by(_V.c.name).limit(limit)
    return [_version(row) for row in conn.execute(query)]


def count_names(conn: Connection, school_id: str) -> tuple[int, int]:
    """How many data sets and how many versions there are."""
    query = select(func.count(_V.c.name.distinct()), func.count()).where(_V.c.school_id == school_id)
    sets, versions = conn.execute(query).one()
    return int(sets), int(versions)


def holders(conn: Connection, sha256: str) -> set[str]:
    """Ids of the versions, of any school, that have this file as a part."""
    return set(conn.execute(select(_P.c.version_id).where(_P.c.sha256 == sha256)).scalars())


def holding(conn: Connection, school_id: str, sha256: str) -> list[interface.DataSetVersion]:
    """The versions of a school that have this file as a part."""
    held = select(_P.c.version_id).where(_P.c.school_id == school_id, _P.c.sha256 == sha256)
    query = _versions(school_id).where(_V.c.id.in_(held)).order_by(_V.c.name, _V.c.number)
    return [_version(row) for row in conn.execute(query)]


def users(conn: Connection, version_ids: Iterable[str]) -> list[str]:
    """What was made with these versions."""
    query = select(_U.c.by).where(_U.c.version_id.in_(list(version_ids))).distinct().order_by(_U.c.by)
    return list(conn.execute(query).scalars())


def family(conn: Connection, school_id: str, version_id: str) -> list[str]:
    """A version and all that was made from it, parents before children; of tombstones only what was made from them."""
    seen = new = found = [version_id]
    while new:
        query = select(_V.c.id, _V.c.purged_at).where(_V.c.school_id == school_id, _V.c.parent_id.in_(new))
        rows = [row for row in conn.execute(query.order_by(_V.c.number)) if row.id not in seen]
        new = [row.id for row in rows]
        seen, found = [*seen, *new], [*found, *(row.id for row in rows if row.purged_at is None)]
    return found


def kin(conn: Connection, school_id: str, version_id: str) -> list[str]:
    """Wherever rows of a version may be: in what it was made from, and in all that was made from that."""
    first: str | None = version_id
    while first is not None:
        version_id = first
        query = select(_V.c.parent_id).where(_V.c.school_id == school_id, _V.c.id == version_id)
        first = conn.execute(query).scalar_one_or_none()
    return family(conn, school_id, version_id)


def sharing(conn: Connection, school_id: str, version_id: str) -> list[interface.DataSetVersion]:
    """All that may hold rows of a version: its kin, and the kin of those that hold its files. No tombstones."""
    own = kin(conn, school_id, version_id)
    files = select(_P.c.sha256).where(_P.c.version_id.in_(own))
    others = select(_P.c.version_id).where(_P.c.school_id == school_id, _P.c.sha256.in_(files)).distinct()
    more = [one for each in conn.execute(others).scalars() if each not in own for one in kin(conn, school_id, each)]
    found = by_ids(conn, school_id, list(dict.fromkeys([*own, *more])))
    return [one for one in found if one.purged_at is None]


def adopt(uow: db.UnitOfWork, school_id: str, was: str, now: str) -> None:
    """What was made from one version counts as made from another, which took its place."""
    mine = (_V.c.school_id == school_id, _V.c.parent_id == was, _V.c.purged_at.is_(None))
    uow.conn.execute(update(_V).where(*mine).values(parent_id=now))


def tombstones(conn: Connection) -> dict[str, list[str]]:
    """School → `data:/name/3` of what was purged."""
    query = select(_V.c.school_id, _V.c.name, _V.c.number).where(_V.c.purged_at.is_not(None))
    found: dict[str, list[str]] = {}
    for row in conn.execute(query.order_by(_V.c.id)):
        found.setdefault(row.school_id, []).append(f"data:/{row.name}/{row.number}")
    return found


def buried_parts(conn: Connection) -> list[str]:
    """Addresses of the parts of tombstones, of any school: their files should be gone."""
    query = select(_V.c.parts).where(_V.c.purged_at.is_not(None))
    return sorted({part["sha256"] for parts in conn.execute(query).scalars() for part in parts.values()})


def set_consent(uow: db.UnitOfWork, school_id: str, version_ids: Collection[str], consent: bool, basis: str) -> int:
    """Of these versions; returns how many changed. A no says that they tell of persons."""
    here = (_V.c.school_id == school_id, _V.c.id.in_(list(version_ids)))
    said = {"consent": consent, "basis": basis} | ({} if consent else {"personal": True})
    return uow.conn.execute(update(_V).where(*here).values(**said)).rowcount


def set_personal(uow: db.UnitOfWork, school_id: str, version_ids: Collection[str]) -> None:
    """These versions tell of persons: one that shares their rows does."""
    here = (_V.c.school_id == school_id, _V.c.id.in_(list(version_ids)))
    uow.conn.execute(update(_V).where(*here).values(personal=True))


def bury(uow: db.UnitOfWork, version: interface.DataSetVersion, actor_id: str, reason: str) -> None:
    """Leave a tombstone: no rows, no values, no consent; the addresses stay, so that the rows are known again."""
    columns = [one.model_copy(update={"examples": ()}).model_dump(mode="json") for one in version.columns]
    values = {"columns": columns, "findings": [], "preview": [], "consent": False, "plan": {}}
    said = {"purged_at": uow.now, "purged_by": actor_id, "purged_why": reason}
    uow.conn.execute(update(_V).where(_V.c.id == version.id).values(**values, **said))
    uow.conn.execute(delete(_P).where(_P.c.version_id == version.id))


def is_withdrawn(conn: Connection, school_id: str, digests: set[str], version_id: str = "") -> bool:
    """Whether these rows (by the file they came in, or by a part) are of a version whose consent was taken back.

    version_id: or whether it was taken back of this version.
    """
    rows = {row.id: row for row in _told_by(conn, school_id)}

    def first(row: Row[Any]) -> str:  # Any: its columns
        while row.parent_id in rows:
            row = rows[row.parent_id]
        return str(row.id)

    silent = (row for row in rows.values() if not row.consent)
    refused = {first(row) for row in silent if digests & _held(row) or row.id == version_id}
    asked = {row.id for row in rows.values() if first(row) in refused}  # it was taken back of any that share the rows
    entry = audit.entry.c
    said = select(entry.seq).where(entry.school_id == school_id, entry.action.in_(_REFUSED), entry.object_id.in_(asked))
    return bool(asked) and conn.execute(said.limit(1)).one_or_none() is not None


def is_personal(conn: Connection, school_id: str, digests: set[str]) -> bool:
    """Whether these rows are of a version that tells of persons."""
    return any(row.personal and digests & _held(row) for row in _told_by(conn, school_id))


def delete_version(uow: db.UnitOfWork, school_id: str, version_id: str) -> None:
    """Forget a row."""
    uow.conn.execute(delete(_P).where(_P.c.version_id == version_id))
    uow.conn.execute(delete(_V).where(_V.c.school_id == school_id, _V.c.id == version_id))


def note_use(uow: db.UnitOfWork, school_id: str, version_id: str, by: str) -> None:
    """Once for each user, however often it is told."""
    there = select(_U.c.id).where(_U.c.version_id == version_id, _U.c.by == by)
    if uow.conn.execute(there).one_or_none() is None:
        uow.conn.execute(_U.insert().values(school_id=school_id, version_id=version_id, by=by, at=uow.now))


def add_work(uow: db.UnitOfWork, school_id: str, actor_id: str, work_id: str, said: Mapping[str, Any]) -> None:
    """A work that waits for its turn.  Any: JSON."""
    values = {**said, "id": work_id, "school_id": school_id, "state": "queued", "version": "", "created_by": actor_id}
    uow.conn.execute(_W.insert().values(**values, created_at=uow.now))


def work(conn: Connection, school_id: str, work_id: str) -> Row[Any] | None:  # Any: its columns
    """A work of this school."""
    return conn.execute(select(_W).where(_W.c.school_id == school_id, _W.c.id == work_id)).one_or_none()


def works(conn: Connection, school_id: str, *, last: int = 50) -> list[Row[Any]]:
    """The newest works of a school."""
    query = select(_W).where(_W.c.school_id == school_id).order_by(_W.c.created_at.desc()).limit(last)
    return list(conn.execute(query))


def count_open_works(conn: Connection, school_id: str) -> int:
    """How many works of a school have not ended."""
    query = select(func.count()).select_from(_W).where(_W.c.school_id == school_id, _W.c.state.in_(OPEN))
    return int(conn.execute(query).scalar_one())


def open_works(conn: Connection, home_id: str | None) -> list[Row[Any]]:
    """Whatever has not ended of this home (None: of all), of every school: for whoever takes up what was left."""
    query = select(_W).where(_W.c.state.in_(OPEN)).order_by(_W.c.created_at)
    return list(conn.execute(query if home_id is None else query.where(_W.c.home_id.in_((home_id, "")))))


def is_work(conn: Connection, work_id: str) -> bool:
    """Whether there is a work of this id, of any school."""
    return conn.execute(select(_W.c.id).where(_W.c.id == work_id)).one_or_none() is not None


def has_ended(conn: Connection, work_id: str) -> bool:
    """Whether there is one, and it has ended."""
    state = conn.execute(select(_W.c.state).where(_W.c.id == work_id)).scalar_one_or_none()
    return state is not None and state not in OPEN


def sources_of_open_work(conn: Connection, school_id: str, version_id: str) -> bool:
    """Whether a work that has not ended reads this version."""
    query = select(_W.c.job).where(_W.c.school_id == school_id, _W.c.state.in_(OPEN))
    return any(version_id in (job.get("parent_id"), *job.get("reads", ())) for job in conn.execute(query).scalars())


def move_work(uow: db.UnitOfWork, work_id: str, state: str, **said: Any) -> bool:  # Any: columns
    """Set the state of a work that has not ended; False for one that has."""
    ended = {} if state in OPEN else {"ended_at": uow.now}
    moved = update(_W).where(_W.c.id == work_id, _W.c.state.in_(OPEN)).values(state=state, **ended, **said)
    return uow.conn.execute(moved).rowcount > 0


def _told_by(conn: Connection, school_id: str) -> Sequence[Row[Any]]:  # Any: its columns
    """What tells of every version whose rows it has and whether they may be read."""
    columns = (_V.c.id, _V.c.parent_id, _V.c.consent, _V.c.personal, _V.c.source, _V.c.parts)
    return list(conn.execute(select(*columns).where(_V.c.school_id == school_id)))


def _held(row: Row[Any]) -> set[str]:  # Any: its columns
    """By which the rows of a version are known again: the file they came in, and the parts."""
    return {part["sha256"] for part in row.parts.values()} | {row.source.rpartition("sha256:")[2]}


def _versions(school_id: str) -> Select[Any]:  # Any: its columns
    used = select(func.count()).where(_U.c.version_id == _V.c.id).scalar_subquery().label("used_by")
    columns = [column for column in _V.c if column.name != "preview"]
    return select(*columns, used).where(_V.c.school_id == school_id)


def _version(row: Row[Any]) -> interface.DataSetVersion:  # Any: its columns
    return interface.DataSetVersion.model_validate(dict(row._mapping))
