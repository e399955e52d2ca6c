"""Gates: what must a version fulfil? The list, one to read or change, and away with it for a reason."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.evaluation.interface import FAMILIES, Condition, Gate, NewGate, known_figures
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, figurewords
from shuyuan.web.reading import Reader

SPARE_ROWS = 3  # empty conditions at the end of the form
MOST_ROWS = 40
COMPARISONS = (">=", ">", "<=", "<")
NEW = "new"


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/gates…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/gates")
    def listed(request: Request, reader: Reader, notice: str = "") -> Response:
        gates = needs.evaluation.gates(reader.school_id)
        return common.show(
            needs, request, "gates.html", reader, "reports", notice=notice, gates=gates, admin=reader.role == "admin"
        )

    @api.get("/workshop/gates/{name}")
    def one(request: Request, reader: Reader, name: str, notice: str = "") -> Response:
        gate = Gate(name="", conditions=()) if name == NEW else needs.evaluation.gate(reader.school_id, name)
        return _one(needs, request, reader, gate, notice=notice)

    @api.post("/workshop/gates")
    async def put(request: Request, reader: Reader) -> Response:
        form = await common.said(request)
        name = common.first(form, "name")
        rows = [Row(form, at) for at in range(MOST_ROWS)]
        told = {one: common.first(form, one) or None for one in ("part", "expected")}
        told["reason"] = common.first(form, "reason")
        try:
            conditions = [row.told(_before(needs, reader, name, row)) for row in rows if row.figure]
            new = NewGate.model_validate({**told, "conditions": conditions})
            needs.evaluation.put_gate(reader, name, new)
        except ValidationError as wrong:
            return _one(
                needs,
                request,
                reader,
                _unsaved(name, rows),
                trouble=common.bad(wrong),
                typed=rows,
                seen=told["expected"],
            )
        except errors.ShuyuanError as refused:
            return _one(
                needs, request, reader, _unsaved(name, rows), trouble=refused, typed=rows, seen=told["expected"]
            )
        return common.lead(f"/workshop/gates/{name}", "gate_set")

    @api.post("/workshop/gates/{name}/remove")
    def remove(
        request: Request, reader: Reader, name: str, reason: Annotated[str, Form(max_length=400)] = ""
    ) -> Response:
        gate = needs.evaluation.gate(reader.school_id, name)
        try:
            needs.evaluation.remove_gate(reader, name, reason)
        except errors.ShuyuanError as refused:
            return _one(needs, request, reader, gate, trouble=refused)
        return common.lead("/workshop/gates", "gate_removed")

    return api


class Row:
    """One condition as a form says it."""

    def __init__(self, form: common.Form, at: int) -> None:
        self.figure = common.first(form, f"figure.{at}")
        self.comparison = common.first(form, f"comparison.{at}", ">=")
        self.limit = common.first(form, f"limit.{at}")

    def told(self, before: Condition | None) -> dict[str, object]:
        """As a gate takes it; what the form does not ask (first, unless) stays as it was."""
        kept = before.model_dump(include={"first", "unless"}) if before is not None else {}
        limit = self.limit.replace("±", "+").replace("×", "*").replace("−", "-").replace("－", "-")
        return {"figure": self.figure, "comparison": self.comparison, "limit": _number(limit), **kept}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _shown(limit: float | str) -> str:
    return str(int(limit)) if isinstance(limit, float) and limit.is_integer() else str(limit)


def _before(needs: WorkshopNeeds, reader: Principal, name: str, row: Row) -> Condition | None:
    """The condition on this figure in the gate in force."""
    try:
        now = needs.evaluation.gate(reader.school_id, name).conditions
    except errors.NotFound:
        return None
    return next((one for one in now if one.figure == row.figure), None)


def _unsaved(name: str, rows: Sequence[Row]) -> Gate:
    return Gate(name=name, conditions=())


def _one(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    gate: Gate,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    typed: Sequence[Row] = (),
    seen: str | None = None,
) -> Response:
    """seen: number of the gate that the person who typed had before their eyes."""
    rows = [(one.figure, one.comparison, one.limit) for one in typed if one.figure]
    rows = rows or [(one.figure, one.comparison, _shown(one.limit)) for one in gate.conditions]
    spare = min(SPARE_ROWS, MOST_ROWS - len(rows))
    return common.show(
        needs,
        request,
        "gate.html",
        reader,
        "reports",
        notice=notice,
        trouble=trouble,
        gate=gate,
        seen=seen or (str(gate.number) if gate.name and not typed else ""),
        rows=[*rows, *[("", ">=", "")] * spare],
        comparisons=COMPARISONS,
        figures=dict.fromkeys(name for family in FAMILIES for name in known_figures(family)),
        users=needs.evaluation.gate_users(reader.school_id, gate.name) if gate.number else [],
        admin=reader.role == "admin",
        **figurewords.WORDS,
    )
