"""Every query of deployments. The school is in each, except where all running canaries are read to route calls."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, or_, select, update

from shuyuan.kernel import db
from shuyuan.maas.deployment import interface, tables
from shuyuan.maas.deployment.tally import Key, Tally

_S, _H, _C = tables.state, tables.change, tables.count
_ACTIVE = or_(_S.c.canary_version.is_not(None), _S.c.shadow_version.is_not(None))


def row(conn: Connection, school_id: str, model: str) -> Row[Any] | None:  # Any: its columns
    return conn.execute(select(_S).where(_S.c.school_id == school_id, _S.c.model == model)).one_or_none()


def rows(conn: Connection, school_id: str) -> list[Row[Any]]:
    return list(conn.execute(select(_S).where(_S.c.school_id == school_id).order_by(_S.c.model)))


def tried(conn: Connection, school_id: str, model: str) -> list[tuple[int, str]]:
    """(version, in words) of what is tried of a model now."""
    now = row(conn, school_id, model)
    versions = [] if now is None else [(now.canary_version, "canary"), (now.shadow_version, "shadow")]
    return [(number, f"{kind} of version {number}") for number, kind in versions if number is not None]


def active(conn: Connection) -> list[Row[Any]]:
    """Every deployment with a canary or a shadow, of all schools."""
    return list(conn.execute(select(_S).where(_ACTIVE).order_by(_S.c.id)))


def put(uow: db.UnitOfWork, school_id: str, model: str, actor_id: str, **values: Any) -> Row[Any]:
    """Change a deployment, or make it."""
    changed = {**values, "changed_by": actor_id, "changed_at": uow.now}
    mine = _S.c.school_id == school_id, _S.c.model == model
    if uow.conn.execute(update(_S).where(*mine).values(**changed)).rowcount == 0:
        first = {"rules": interface.Rules().model_dump(), "state": "steady", "reason": "", **changed}
        uow.conn.execute(_S.insert().values(school_id=school_id, model=model, **first))
    return uow.conn.execute(select(_S).where(*mine)).one()


def is_running(conn: Connection, school_id: str, model: str, started: str) -> bool:
    """Whether that canary or shadow is the one at work; locks it where the database can."""
    query = select(_S.c.id).where(_S.c.school_id == school_id, _S.c.model == model, _S.c.started == started, _ACTIVE)
    return conn.execute(query.with_for_update()).first() is not None


def add_change(uow: db.UnitOfWork, school_id: str, actor_id: str, **values: Any) -> interface.Change:
    query = _H.insert().values(school_id=school_id, by=actor_id, at=uow.now, **values).returning(_H)
    return _change(uow.conn.execute(query).one())


def history(conn: Connection, school_id: str, model: str, limit: int = 200) -> list[interface.Change]:
    query = select(_H).where(_H.c.school_id == school_id, _H.c.model == model).order_by(_H.c.id.desc()).limit(limit)
    return [_change(found) for found in conn.execute(query)]


# --- counts ---


def write_counts(uow: db.UnitOfWork, owner: str, tallies: Mapping[Key, Tally]) -> None:
    """Replace what this process counted in these buckets."""
    for key, tally in tallies.items():
        mine = _C.c.started == key.started, _C.c.part == key.part, _C.c.bucket == key.bucket, _C.c.owner == owner
        values = tally.columns()
        if uow.conn.execute(update(_C).where(*mine).values(**values)).rowcount == 0:
            uow.conn.execute(
                _C.insert().values(
                    started=key.started,
                    part=key.part,
                    bucket=key.bucket,
                    owner=owner,
                    school_id=key.school_id,
                    version=key.version,
                    **values,
                )
            )


def counts(conn: Connection, school_id: str, started: str, since_bucket: int) -> Mapping[str, Row[Any]]:
    """By part: the sums of all processes since that bucket."""
    sums = [func.sum(_C.c[name]).label(name) for name in Tally.COLUMNS]
    query = select(_C.c.part, func.max(_C.c.version).label("version"), *sums).where(
        _C.c.school_id == school_id, _C.c.started == started, _C.c.bucket >= since_bucket
    )
    return {found.part: found for found in conn.execute(query.group_by(_C.c.part))}


def prune(uow: db.UnitOfWork) -> int:
    """Forget counts that no deployment names any more."""
    return uow.conn.execute(delete(_C).where(_C.c.started.not_in(select(_S.c.started)))).rowcount


# --- edge bundles ---


def add_bundle(uow: db.UnitOfWork, school_id: str, actor_id: str, bundle_id: str, **values: Any) -> None:
    made = {"made_by": actor_id, "made_at": uow.now, **values}
    uow.conn.execute(tables.bundle.insert().values(id=bundle_id, school_id=school_id, **made))


def bundle(conn: Connection, school_id: str, bundle_id: str) -> Row[Any] | None:
    query = select(tables.bundle).where(tables.bundle.c.id == bundle_id, tables.bundle.c.school_id == school_id)
    return conn.execute(query).one_or_none()


def add_report(uow: db.UnitOfWork, school_id: str, bundle_id: str, report_id: str, **values: Any) -> bool:
    """False when it was counted before."""
    _R = tables.edge_report
    known = select(_R.c.report_id).where(_R.c.bundle_id == bundle_id, _R.c.report_id == report_id)
    if uow.conn.execute(known).first() is not None:
        return False
    uow.conn.execute(
        _R.insert().values(bundle_id=bundle_id, report_id=report_id, school_id=school_id, received_at=uow.now, **values)
    )
    return True


def edge_totals(conn: Connection, school_id: str, model: str, version: int) -> Row[Any]:
    """Calls, rows and errors that bundles of this version told of, and how many bundles there are."""
    _B, _R = tables.bundle, tables.edge_report
    sums = [func.coalesce(func.sum(_R.c[name]), 0).label(name) for name in ("calls", "rows", "errors")]
    query = select(func.count(func.distinct(_B.c.id)).label("bundles"), *sums).select_from(
        _B.outerjoin(_R, _R.c.bundle_id == _B.c.id)
    )
    return conn.execute(query.where(_B.c.school_id == school_id, _B.c.model == model, _B.c.version == version)).one()


def _change(found: Row[Any]) -> interface.Change:
    return interface.Change.model_validate(dict(found._mapping))
