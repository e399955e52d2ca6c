"""Ask a version: what does it say of this row? One row by the names of its columns, by a real call of `/v1`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import Version
from shuyuan.science.features import base, numeric, times
from shuyuan.web import firsthand
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, refusals
from shuyuan.web.reading import Reader

MOST_WORDS = 50  # of a category that are offered; one with more is typed
MOST_CHARS = 10_000  # of one cell
_NUMBERS = ("number", "integer")
_Read = Callable[[str, Sequence[object]], object]
_READS: Mapping[str, tuple[_Read, refusals.Rule]] = {  # kinds that cannot hold every text
    **dict.fromkeys((*_NUMBERS, "boolean"), (numeric.truths, "number")),
    "time": (times.seconds, "time"),
}


@dataclass(frozen=True)
class Asked:
    """A column the version reads. field: its name in the form.  words: those it knows, where they are few."""

    field: str
    name: str
    kind: str
    words: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether it wants digits."""
        return self.kind in _NUMBERS


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/models/{name}/ask`; before the verbs of a model."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/models/{name}/ask")
    def one(request: Request, reader: Reader, name: str, version: int = 0) -> Response:
        return _show(needs, request, reader, _version(needs, reader, name, version), {})

    @api.post("/workshop/models/{name}/ask")
    async def ask(request: Request, reader: Reader, name: str) -> Response:
        form = await common.said(request)
        number = common.number(common.first(form, "version"), 0)
        version = await run_in_threadpool(_version, needs, reader, name, number)
        row = {column.name: common.first(form, column.field)[:MOST_CHARS] for column in asked(version)}
        told, trouble = None, misfilled(asked(version), row)
        if trouble is None:
            told, trouble = await firsthand.predict(request, f"{name}/{version.number}", row)
        return await run_in_threadpool(_show, needs, request, reader, version, form, told, trouble)

    return api


def asked(version: Version) -> Sequence[Asked]:
    """The columns of a version that a row can be asked of; none of one that reads pictures, vectors or bare tensors."""
    features = version.spec.get("features")
    columns = features.get("columns", ()) if isinstance(features, Mapping) else ()
    named = [one for one in columns if isinstance(one, Mapping) and "kind" in one]
    if version.spec.get("vectors") or any(one["kind"] in ("image", "sequence") for one in named):
        return ()
    return [
        Asked(f"c{at}", str(one.get("name")), str(one["kind"]), _words(one.get("state")))
        for at, one in enumerate(named)
    ]


def misfilled(columns: Sequence[Asked], row: Mapping[str, str]) -> errors.ShuyuanError | None:
    """The first cell that its column cannot hold, in the words of a form."""
    for column in columns:
        if column.kind not in _READS:
            continue
        read, rule = _READS[column.kind]
        try:
            read(column.name, [row[column.name]])
        except base.BadColumn as wrong:
            said, fix = row[column.name][:60], "write it as the data set does, or leave it empty"
            return refusals.Misfilled(column.field, said, rule, label=column.name, message=str(wrong), fix=fix)
    return None


def _words(state: object) -> tuple[str, ...]:
    known = state.get("known", ()) if isinstance(state, Mapping) else ()
    return tuple(str(one) for one in known) if 0 < len(known) <= MOST_WORDS else ()


def _version(needs: WorkshopNeeds, reader: Principal, name: str, number: int) -> Version:
    return needs.catalogue.resolve(reader.school_id, f"models:/{name}/{number}")


def _show(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    version: Version,
    form: common.Form,
    told: Mapping[str, Any] | None = None,  # Any: JSON
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    answer = dict(told or {})
    prediction = answer.pop("prediction", None)
    shares = sorted(((name.removeprefix("p_"), share) for name, share in answer.items()), key=lambda one: -one[1])
    return common.show(
        needs,
        request,
        "ask.html",
        reader,
        "models",
        trouble=trouble,
        version=version,
        columns=asked(version),
        prediction=prediction,
        shares=shares if prediction is not None else (),
        said=lambda field: common.first(form, field),
    )
