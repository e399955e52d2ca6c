"""The lab: one model per learner, one that learns on, one for all on several processes. Which knows learners best?"""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.web import labs
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, refusals
from shuyuan.web.reading import Reader

FIGURES = ("auc", "log_loss", "accuracy", "calibration_error", "cpu_s", "seconds", "models", "parameters")
SMALLER = frozenset({"log_loss", "calibration_error", "cpu_s", "seconds"})  # is better
JUDGED = ("auc", "log_loss", "accuracy", "calibration_error")


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/lab…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/lab")
    def listed(request: Request, reader: Reader) -> Response:
        return _list(needs, request, reader, {})

    @api.post("/workshop/lab")
    def start(
        request: Request,
        reader: Reader,
        data: Annotated[str, Form(max_length=200)] = "",
        epochs: Annotated[str, Form(max_length=6)] = "",
        rounds: Annotated[str, Form(max_length=6)] = "",
        processes: Annotated[str, Form(max_length=6)] = "",
    ) -> Response:
        asked = {"data": data, "epochs": epochs, "rounds": rounds, "processes": processes}
        try:
            version = needs.datasets.version(reader.school_id, data)
            about = needs.labs.start(
                version,
                epochs=_within("epochs", epochs, 10, 1, 1000),
                rounds=_within("rounds", rounds, 4, 2, 100),
                processes=_within("processes", processes, 2, 1, 16),
            )
        except errors.ShuyuanError as wrong:
            return _list(needs, request, reader, asked, wrong)
        return common.lead(f"/workshop/lab/{about.id}")

    @api.get("/workshop/lab/{lab_id}")
    def one(request: Request, reader: Reader, lab_id: str, seen: str = "") -> Response:
        found = needs.labs.one(reader.school_id, lab_id)
        changed = common.has_changed(request, seen, found.state)
        return changed or common.show(
            needs,
            request,
            "lab_one.html",
            reader,
            "lab",
            lab=found,
            ways=labs.WAYS,
            figures=FIGURES,
            best=best(found.result.get("ways", {})),
            judged=JUDGED,
        )

    return api


def best(ways: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[str, ...]]:
    """figure → the ways that are best by it as far as three digits tell; nothing where all are alike.

    >>> best({"a": {"auc": 0.7, "log_loss": 0.5}, "b": {"auc": 0.8, "log_loss": 0.6}})
    {'auc': ('b',), 'log_loss': ('a',)}
    >>> best({"a": {"auc": 0.7}, "b": {"auc": 0.70001}})
    {}
    """
    found: dict[str, tuple[str, ...]] = {}
    for figure in (*JUDGED, "cpu_s", "seconds"):
        values = {way: round(told[figure], 3) for way, told in ways.items() if figure in told}
        if len(set(values.values())) > 1:
            top = (min if figure in SMALLER else max)(values.values())
            found[figure] = tuple(way for way, value in values.items() if value == top)
    return found


def _within(name: str, said: str, otherwise: int, low: int, high: int) -> int:
    value = common.number(said, -1) if said.strip() else otherwise
    if not low <= value <= high:
        raise refusals.Misfilled(
            name,
            said[:20],
            "between",
            f"{low} – {high}",
            message=f"{name} is {said[:20]!r}",
            fix=f"write a whole number from {low} to {high}",
        )
    return value


def _list(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    asked: dict[str, str],
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    versions = needs.datasets.versions(reader.school_id)
    return common.show(
        needs,
        request,
        "lab.html",
        reader,
        "lab",
        trouble=trouble,
        labs=needs.labs.list(reader.school_id),
        sets=[one for one in versions if needs.labs.suits(one) and (one.consent or not one.personal)],
        asked=asked,
    )
