"""Every query of the catalogue. A school reads its own rows and the shared ones; it writes only its own."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, select, update

from shuyuan.kernel import db
from shuyuan.maas.catalogue import interface, references, tables

_V, _A = tables.version, tables.alias_move


def add_version(uow: db.UnitOfWork, school_id: str, actor_id: str, version: interface.NewVersion) -> interface.Version:
    """Insert with the next number of this model."""
    number = db.next_number(uow.conn, _V.c.number, school_id=school_id, model=version.model)
    row = uow.conn.execute(
        _V.insert()
        .values(
            **version.model_dump(mode="json"),
            school_id=school_id,
            number=number,
            created_by=actor_id,
            created_at=uow.now,
        )
        .returning(_V)
    ).one()
    return _version(row)


def meant(conn: Connection, school_id: str, wanted: references.Reference) -> interface.Version | None:
    """The version that a reference stands for."""
    if wanted.number is not None:
        return version_by_number(conn, school_id, wanted.model, wanted.number)
    return alias_target(conn, school_id, wanted.model, wanted.alias)


def version_by_number(conn: Connection, school_id: str, model: str, number: int) -> interface.Version | None:
    """The school's own version of this number, else the shared one."""
    query = select(_V).where(_V.c.model == model, _V.c.number == number, _mine_or_shared(_V, school_id))
    return _own_first(conn, query, school_id)


def version_by_id(conn: Connection, school_id: str, version_id: str) -> interface.Version | None:
    """A version the school may see."""
    query = select(_V).where(_V.c.id == version_id, _mine_or_shared(_V, school_id))
    return _own_first(conn, query, school_id)


def versions(conn: Connection, school_id: str, model: str) -> list[interface.Version]:
    """The school's and the shared versions of a model, newest first."""
    query = select(_V).where(_V.c.model == model, _mine_or_shared(_V, school_id))
    return [_version(row) for row in conn.execute(query.order_by(_V.c.created_at.desc(), _V.c.number.desc()))]


def numbers(conn: Connection, school_id: str, model: str) -> list[int]:
    """Numbers of the school's and the shared versions of a model, ascending, each once."""
    query = select(_V.c.number).distinct().where(_V.c.model == model, _mine_or_shared(_V, school_id))
    return list(conn.execute(query.order_by(_V.c.number)).scalars())


def aliases(conn: Connection, school_id: str, model: str) -> dict[str, int]:
    """Alias → number of the version it points to; the school's own aliases before shared ones."""
    query = select(_A.c.alias).distinct().where(_A.c.model == model, _mine_or_shared(_A, school_id))
    names = conn.execute(query.order_by(_A.c.alias)).scalars().all()
    found = {alias: alias_target(conn, school_id, model, alias) for alias in names}
    return {alias: version.number for alias, version in found.items() if version is not None}


def servable(conn: Connection, school_id: str, runners: Collection[str]) -> list[interface.Servable]:
    """Every version of these runners that a reference of the school means, each once."""
    query = select(_V).where(_mine_or_shared(_V, school_id), _V.c.runner.in_(runners))
    versions = [_version(row) for row in conn.execute(query.order_by(_V.c.model, _V.c.number.desc()))]
    moves = select(_A.c.school_id, _A.c.model, _A.c.alias, _A.c.version_id).where(_mine_or_shared(_A, school_id))
    newest = {(m.school_id, m.model, m.alias): m.version_id for m in conn.execute(moves.order_by(_A.c.number))}
    return references.servable(versions, {of: where for of, where in newest.items() if where}, school_id)


def models(conn: Connection, school_id: str, runners: Collection[str] | None = None) -> list[str]:
    """Names of models with a version the school may see, of these runners if they are given."""
    query = select(_V.c.model).distinct().where(_mine_or_shared(_V, school_id)).order_by(_V.c.model)
    if runners is not None:
        query = query.where(_V.c.runner.in_(runners))
    return list(conn.execute(query).scalars())


def move_alias(
    uow: db.UnitOfWork, school_id: str, actor_id: str, version: interface.Version, alias: str, reason: str
) -> interface.Alias:
    """Append a move; the newest move is where the alias points."""
    _add_move(uow, school_id, actor_id, version.model, alias, version.id, reason)
    return alias_history(uow.conn, school_id, version.model, alias)[0]


def take_off_alias(
    uow: db.UnitOfWork, school_id: str, actor_id: str, version: interface.Version, alias: str, reason: str
) -> None:
    """Append a move to nowhere; a shared alias of the name means something again."""
    _add_move(uow, school_id, actor_id, version.model, alias, "", reason)


def _add_move(
    uow: db.UnitOfWork, school_id: str, actor_id: str, model: str, alias: str, version_id: str, reason: str
) -> None:
    number = db.next_number(uow.conn, _A.c.number, school_id=school_id, model=model, alias=alias)
    before = _newest_move(uow.conn, school_id, model, alias)
    uow.conn.execute(
        _A.insert().values(
            school_id=school_id,
            model=model,
            alias=alias,
            number=number,
            version_id=version_id,
            previous_id=(before.version_id or None) if before else None,
            reason=reason,
            moved_by=actor_id,
            moved_at=uow.now,
        )
    )


def own_alias(conn: Connection, school_id: str, model: str, alias: str) -> interface.Version | None:
    """Where the school's own alias points."""
    move = _newest_move(conn, school_id, model, alias)
    return version_by_id(conn, school_id, move.version_id) if move and move.version_id else None


def own_aliases(conn: Connection, school_id: str, model: str) -> dict[str, int]:
    """Of the school's own aliases: alias → number of the version it points to."""
    names = select(_A.c.alias).distinct().where(_A.c.model == model, _A.c.school_id == school_id).order_by(_A.c.alias)
    found = {alias: own_alias(conn, school_id, model, alias) for alias in conn.execute(names).scalars()}
    return {alias: version.number for alias, version in found.items() if version is not None}


def bury(uow: db.UnitOfWork, version_id: str, actor_id: str, reason: str) -> None:
    """Mark a version as deleted."""
    told = {"deleted_at": uow.now, "deleted_by": actor_id, "deleted_why": reason}
    uow.conn.execute(update(_V).where(_V.c.id == version_id).values(**told))


def children(conn: Connection, version_ids: Iterable[str]) -> list[interface.Version]:
    """What was made from these versions and is there still."""
    query = select(_V).where(_V.c.parent_id.in_(list(version_ids)), _V.c.deleted_at.is_(None))
    return [_version(row) for row in conn.execute(query.order_by(_V.c.model, _V.c.number))]


def refers(conn: Connection, sha256: str) -> bool:
    """Whether a version of any school is this file."""
    query = select(_V.c.id).where(_V.c.artefact_sha256 == sha256, _V.c.deleted_at.is_(None))
    return conn.execute(query.limit(1)).first() is not None


def alias_target(conn: Connection, school_id: str, model: str, alias: str) -> interface.Version | None:
    """Where the school's alias points, else the shared alias of that name."""
    for owner in dict.fromkeys((school_id, interface.SHARED)):
        if (move := _newest_move(conn, owner, model, alias)) and move.version_id:
            return version_by_id(conn, school_id, move.version_id)
    return None


def alias_history(conn: Connection, school_id: str, model: str, alias: str) -> list[interface.Alias]:
    """The school's own moves of an alias, newest first."""
    query = (
        select(_A, _V.c.number.label("version_number"))
        .join(_V, _V.c.id == _A.c.version_id)
        .where(_A.c.school_id == school_id, _A.c.model == model, _A.c.alias == alias)
        .order_by(_A.c.number.desc())
    )
    return [interface.Alias.model_validate(dict(row._mapping)) for row in conn.execute(query)]


def _newest_move(conn: Connection, school_id: str, model: str, alias: str) -> Row[Any] | None:  # Any: its columns
    query = (
        select(_A)
        .where(_A.c.school_id == school_id, _A.c.model == model, _A.c.alias == alias)
        .order_by(_A.c.number.desc())
        .limit(1)
    )
    return conn.execute(query).one_or_none()


def _mine_or_shared(table: Any, school_id: str) -> Any:  # Any: SQLAlchemy expressions
    mine = table.c.school_id.in_((school_id, interface.SHARED))
    return mine & table.c.deleted_at.is_(None) if table is _V else mine


def _own_first(conn: Connection, query: Any, school_id: str) -> interface.Version | None:  # Any: a select
    found = [_version(row) for row in conn.execute(query)]
    return min(found, key=lambda version: version.school_id != school_id, default=None)


def _version(row: Row[Any]) -> interface.Version:  # Any: a row's columns
    return interface.Version.model_validate(dict(row._mapping))
