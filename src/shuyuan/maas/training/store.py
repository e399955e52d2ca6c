"""Every query of training. What people ask is scoped to a school; what supervises sees its own home's rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Text, cast, func, or_, select, true, update

from shuyuan.kernel import db
from shuyuan.maas.training import interface, tables

_R, _S = tables.run, tables.search
ACTIVE = ("queued", "running")
OPEN = (*ACTIVE, "paused")
_AT_ONCE = 500  # searches that a query names
Rows = list[Row[Any]]  # Any: a row's columns


# --- runs ---


def add_run(uow: db.UnitOfWork, values: Mapping[str, Any]) -> Row[Any]:
    """Insert with the next number of the school."""
    number = db.next_number(uow.conn, _R.c.number, school_id=values["school_id"])
    empty: dict[str, Any] = {"figures": {}, "artefacts": {}, "versions": {}, "error": {}, "registered": {}}
    query = _R.insert().values(**(empty | dict(values)), number=number, created_at=uow.now).returning(_R)
    return uow.conn.execute(query).one()


def run(conn: Connection, school_id: str, id_or_number: str) -> Row[Any] | None:
    """One run of the school."""
    return conn.execute(select(_R).where(_R.c.school_id == school_id, _is(_R, id_or_number))).one_or_none()


def run_by_key(conn: Connection, school_id: str, key: str) -> Row[Any] | None:
    """The run that was started with this key."""
    return conn.execute(select(_R).where(_R.c.school_id == school_id, _R.c.key == key)).one_or_none()


def with_file(conn: Connection, sha256: str) -> Rows:
    """The runs of any school that have a file of this address."""
    query = select(_R).where(cast(_R.c.artefacts, Text).contains(sha256, autoescape=True))
    return list(conn.execute(query.order_by(_R.c.id)))


def runs_on(conn: Connection, school_id: str, data: Collection[str]) -> Rows:
    """Every run of the school that reads one of these versions, the trials of searches and folds too."""
    query = select(_R).where(_R.c.school_id == school_id, _R.c.data.in_(sorted(data)))
    return list(conn.execute(query.order_by(_R.c.id)))


def runs(conn: Connection, school_id: str, *, state: str | None, limit: int, before: int | None) -> Rows:
    """Newest first, without the trials of searches."""
    query = select(_R).where(_R.c.school_id == school_id, _R.c.search_id.is_(None))
    if state is not None:
        query = query.where(_R.c.state == state)
    if before is not None:
        query = query.where(_R.c.number < before)
    return list(conn.execute(query.order_by(_R.c.number.desc()).limit(limit)))


def open_runs(conn: Connection, school_id: str, *, started_by: str | None = None) -> int:
    """How many runs of the school have not ended; of one person: without the trials of searches."""
    query = select(func.count()).select_from(_R).where(_R.c.school_id == school_id, _R.c.state.in_(OPEN))
    if started_by is not None:
        query = query.where(_R.c.created_by == started_by, _R.c.search_id.is_(None))
    return int(conn.execute(query).scalar_one())


def change(uow: db.UnitOfWork, run_id: str, was: Sequence[str], **values: Any) -> bool:
    """Set values of a run that is in one of these states."""
    query = update(_R).where(_R.c.id == run_id, _R.c.state.in_(was)).values(**values)
    return uow.conn.execute(query).rowcount == 1


def supervised(conn: Connection, home_id: str | None) -> Rows:
    """Queued and running runs of a home (None: of all), in the order they should go: single runs before trials."""
    query = select(_R).where(_R.c.state.in_(ACTIVE), _home(_R, home_id))
    return list(conn.execute(query.order_by(_R.c.search_id.is_not(None), _R.c.id)))


def by_id(conn: Connection, run_id: str) -> Row[Any] | None:
    """A run, for whoever supervises it."""
    return conn.execute(select(_R).where(_R.c.id == run_id)).one_or_none()


def to_mirror(conn: Connection, home_id: str | None, since: datetime) -> Rows:
    """Ended runs that the mirror has not."""
    query = select(_R).where(_R.c.state.in_(interface.ENDED), _R.c.mirrored.is_(False), _R.c.ended_at > since)
    return list(conn.execute(query.where(_home(_R, home_id)).order_by(_R.c.id).limit(20)))


def ended_before(conn: Connection, run_ids: Sequence[str], before: datetime) -> set[str]:
    """Which of these ended before then."""
    query = select(_R.c.id).where(_R.c.id.in_(run_ids), _R.c.ended_at < before)
    return set(conn.execute(query).scalars())


def known(conn: Connection, run_ids: Sequence[str]) -> set[str]:
    """Which of these are runs."""
    return set(conn.execute(select(_R.c.id).where(_R.c.id.in_(run_ids))).scalars())


# --- searches ---


def add_search(uow: db.UnitOfWork, values: Mapping[str, Any]) -> Row[Any]:
    """Insert with the next number of the school."""
    number = db.next_number(uow.conn, _S.c.number, school_id=values["school_id"])
    query = _S.insert().values(**values, number=number, created_at=uow.now, refused=[], error={}).returning(_S)
    return uow.conn.execute(query).one()


def search(conn: Connection, school_id: str, id_or_number: str) -> Row[Any] | None:
    """One search of the school."""
    return conn.execute(select(_S).where(_S.c.school_id == school_id, _is(_S, id_or_number))).one_or_none()


def searches(conn: Connection, school_id: str, *, limit: int) -> Rows:
    """Newest first."""
    query = select(_S).where(_S.c.school_id == school_id).order_by(_S.c.number.desc()).limit(limit)
    return list(conn.execute(query))


def open_searches(conn: Connection, home_id: str | None) -> Rows:
    """Searches of a home that look for more."""
    return list(conn.execute(select(_S).where(_S.c.state == "running", _home(_S, home_id)).order_by(_S.c.id)))


def trials_left(conn: Connection, school_id: str, *, started_by: str | None = None) -> tuple[int, int]:
    """How many searches of the school, or of one person, look for more; and their trials that have not ended."""
    mine = [_S.c.school_id == school_id, _S.c.state == "running"]
    mine += [_S.c.created_by == started_by] if started_by is not None else []
    searches, wanted = conn.execute(select(func.count(), func.coalesce(func.sum(_S.c.trials), 0)).where(*mine)).one()
    ended = select(func.count()).select_from(_R.join(_S, _R.c.search_id == _S.c.id))
    return int(searches), int(wanted) - conn.execute(ended.where(*mine, _R.c.state.in_(interface.ENDED))).scalar_one()


def trials(conn: Connection, search_id: str) -> Rows:
    """The runs of a search, in the order they were tried."""
    return list(conn.execute(select(_R).where(_R.c.search_id == search_id).order_by(_R.c.trial)))


def tried(conn: Connection, search_ids: Sequence[str]) -> dict[str, Rows]:
    """Of the trials of each search what one is judged by: lists are long, and asked for every few seconds."""
    columns = (_R.c.id, _R.c.search_id, _R.c.state, _R.c.figures, _R.c.config)
    found = dict[str, list[Any]]((one, []) for one in search_ids)  # Any: of a row these columns alone
    for some in (search_ids[first : first + _AT_ONCE] for first in range(0, len(search_ids), _AT_ONCE)):
        for row in conn.execute(select(*columns).where(_R.c.search_id.in_(some)).order_by(_R.c.trial)):
            found[row.search_id].append(row)
    return found


def change_search(uow: db.UnitOfWork, search_id: str, **values: Any) -> bool:
    """Set values of a search that still looks for more."""
    query = update(_S).where(_S.c.id == search_id, _S.c.state == "running").values(**values)
    return uow.conn.execute(query).rowcount == 1


def searches_kept(conn: Connection, search_ids: Sequence[str], before: datetime) -> set[str]:
    """Which of these are searches under way, or that ended since then."""
    recent = or_(_S.c.ended_at.is_(None), _S.c.ended_at >= before)
    return set(conn.execute(select(_S.c.id).where(_S.c.id.in_(search_ids), recent)).scalars())


# --- rows as values ---


def told(row: Row[Any]) -> interface.Run:
    """A row as people see it."""
    values = dict(row._mapping)
    values["error"] = values["error"] or None
    values["registered"] = tuple(values["registered"])
    return interface.Run.model_validate(values)


def told_search(row: Row[Any], runs: Rows, waits_for: str = "") -> interface.Search:
    """A search with its best trial so far, by the validation figure alone."""
    values: dict[str, Any] = dict(row._mapping)
    scored = [(one.figures[row.metric], one) for one in runs if one.state == "finished" and row.metric in one.figures]
    chosen = (max if row.direction == "maximize" else min)(scored, key=lambda pair: pair[0], default=None)
    values |= {"error": row.error or None, "task": row.new_run["task"], "data": row.new_run["data"]}
    values["waits_for"] = waits_for if row.state == "running" else ""
    values["ended"] = len(row.refused) + sum(one.state in interface.ENDED for one in runs)
    if chosen:
        values |= {"best_value": chosen[0], "best_run_id": chosen[1].id, "best_config": chosen[1].config}
    return interface.Search.model_validate(values)


def _is(table: Any, id_or_number: str) -> ColumnElement[bool]:  # Any: a table's columns
    if len(id_or_number) < 10 and id_or_number.isascii() and id_or_number.isdigit():
        found: ColumnElement[bool] = table.c.number == int(id_or_number)
        return found
    by_id: ColumnElement[bool] = table.c.id == id_or_number
    return by_id


def _home(table: Any, home_id: str | None) -> ColumnElement[bool]:  # Any: a table's columns
    found: ColumnElement[bool] = true() if home_id is None else table.c.home_id == home_id
    return found
