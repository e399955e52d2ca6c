"""Learner models on one data set: which foretells answers best, for whom, and is anything given away?"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Form, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.insight.interface import Comparing, Comparison
from shuyuan.science.tracing import comparing as science
from shuyuan.web.pages.workshop import common, refusals
from shuyuan.web.reading import Reader
from shuyuan.web.shell import Shell

MOST_SEED = 999_999_999  # of nine digits
CHOSEN = ("rasch", "pfa", "best_lr", "elo", "kalman")  # ticked at first: they take seconds


class NoneTicked(errors.BadInput):
    """No model is chosen."""

    code: ClassVar[str] = "no_model_ticked"


def router(shell: Shell, comparing: Comparing) -> APIRouter:
    """`/workshop/tracers…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/tracers")
    def listed(request: Request, reader: Reader) -> Response:
        return _list(shell, comparing, request, reader, {"models": CHOSEN})

    @api.post("/workshop/tracers")
    def start(
        request: Request,
        reader: Reader,
        source: Annotated[str, Form(max_length=200)] = "",
        model: Annotated[list[str] | None, Form()] = None,
        seed: Annotated[str, Form(max_length=100)] = "",
        new_items: Annotated[str, Form(max_length=1)] = "",
    ) -> Response:
        chosen, hide = tuple(model or ()), new_items == "1"
        asked = {"models": chosen, "source": source, "seed": seed, "new_items": hide}
        try:
            begun = comparing.start(reader, source, _some(chosen), seed=_dealt(seed), new_items=hide)
        except errors.ShuyuanError as wrong:
            return _list(shell, comparing, request, reader, asked, wrong)
        return common.lead(f"/workshop/tracers/{begun.id}")

    @api.get("/workshop/tracers/{comparison_id}")
    def one(request: Request, reader: Reader, comparison_id: str, seen: str = "") -> Response:
        found = comparing.one(reader, comparison_id)
        return common.has_changed(request, seen, found.state) or _one(shell, request, reader, found)

    return api


def _some(models: tuple[str, ...]) -> tuple[str, ...]:
    """Raises NoneTicked."""
    if not models:
        raise NoneTicked("no model is ticked", fix="tick one or more")
    return models


def _dealt(said: str) -> int:
    """The seed; 0 where nothing is filled in. Raises Misfilled."""
    number = common.number(said.strip(), -1) if said.strip() else 0
    if number < 0:
        raise refusals.Misfilled(
            "seed",
            said[:20],
            "between",
            f"0 – {MOST_SEED}",
            message=f"seed is {said[:20]!r}",
            fix="write such a number",
        )
    return number


def _one(shell: Shell, request: Request, reader: Principal, found: Comparison) -> Response:
    models = found.result.get("models", {})
    order = sorted(models, key=lambda name: -models[name]["auc"])
    slices = list(models[order[0]]["slices"]) if order else []
    return _show(
        shell,
        request,
        "tracers_one.html",
        reader,
        one=found,
        models=models,
        order=order,
        lead=science.best(models) if models else [],
        slices=slices,
        off=[name for name in order if _is_off(models[name])],
    )


def _is_off(told: Mapping[str, Any]) -> bool:  # Any: JSON
    """A control that tells more than chance would."""
    return told["control_auc"] is not None and abs(told["control_auc"] - 0.5) > told["control_limit"]


def _list(
    shell: Shell,
    comparing: Comparing,
    request: Request,
    reader: Principal,
    asked: Mapping[str, object],
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    return _show(
        shell,
        request,
        "tracers.html",
        reader,
        trouble,
        found=comparing.list(reader),
        kinds=comparing.models(),
        sources=comparing.sources(reader),
        asked=asked,
    )


def _show(
    shell: Shell,
    request: Request,
    template: str,
    reader: Principal,
    trouble: errors.ShuyuanError | None = None,
    **values: object,
) -> Response:
    """In the frame of the workshop."""
    frame = {
        "tabs": [one for one in common.TABS if common.is_maker(reader) or not one.makers],
        "tab": "tracers",
        "notice": "",
        "trouble": trouble,
        **common.WORDS,
    }
    status = trouble.status if trouble else 200
    return shell.show(
        request, f"workshop/{template}", {**frame, **values}, principal=reader, here="workshop", status=status
    )
