"""Audit: who did what? The activity log with filter and pages; ids become names only for whom the reader may see."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors, ids
from shuyuan.web import glossary
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

PAGE = 50
ACTION, FIELD = "audit.action.", "audit.field."
CODED = ("role", "scopes", "age_band", "purpose", "purposes", "demo", "cache")  # fields whose values are words of ours


@dataclass(frozen=True)
class Line:
    """One entry, its ids resolved as far as the reader may know them."""

    number: int
    at: datetime
    who: str
    action: str
    named: bool  # whether the glossary has a label for the action; one of an older release may have none
    what: str
    detail: tuple[tuple[str, str], ...]


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/audit`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/admin/audit")
    def log(
        request: Request,
        reader: Reader,
        kind: str = "",
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        verify: bool = False,
    ) -> Response:
        kinds = kinds_of(_keys(ACTION))
        chosen = kind if kind in kinds else ""
        with needs.db.read() as conn:
            rows = list(
                kernel_audit.entries(conn, reader.school_id, limit=PAGE + 1, before_seq=before, action=chosen or None)
            )
            verified = needs.audit.verify(conn) if verify else None
        name = namer(needs, reader)
        lines = [_line(row, name) for row in rows[:PAGE]]
        return needs.shell.show(
            request,
            "admin/audit.html",
            principal=reader,
            here="audit",
            lines=lines,
            kinds=kinds,
            fields=_keys(FIELD),
            coded=CODED,
            kind=chosen,
            verified=verified,
            older=lines[-1].number if len(rows) > PAGE else None,
            before=before,
        )

    return api


def kinds_of(actions: Collection[str]) -> list[str]:
    """What one may filter by: the thing an action is about, the part before the dot."""
    return sorted({action.partition(".")[0] for action in actions})


def _keys(prefix: str) -> frozenset[str]:
    return frozenset(key.removeprefix(prefix) for key in glossary.words() if key.startswith(prefix))


def namer(needs: OfficeNeeds, reader: Principal) -> Callable[[str], str]:
    """What to show for an id: the name of an account or class the reader may see, else a short form of the id."""
    known: dict[str, str] = {kernel_audit.SYSTEM: "", **{one.id: one.name for one in needs.people.classes(reader)}}

    def name(value: str) -> str:
        if value not in known:
            known[value] = _account_name(needs, reader, value) if len(value) == ids.LENGTH else value
        return known[value]

    return name


def _account_name(needs: OfficeNeeds, reader: Principal, value: str) -> str:
    try:
        return needs.identity.account(reader, value).name
    except errors.ShuyuanError:
        return f"…{value[-6:]}"


def _line(row: Row[Any], name: Callable[[str], str]) -> Line:  # Any: a database row
    detail = tuple(
        (key, name(value) if isinstance(value, str) else str(value))
        for key, value in row.detail.items()
        if value is not None
    )
    what = name(row.object_id) if row.object_id else ""
    named = f"{ACTION}{row.action}" in glossary.words()
    return Line(row.seq, row.at, name(row.actor_id), row.action, named, what, tuple(sorted(detail)))
