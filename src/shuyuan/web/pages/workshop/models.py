"""Models and deployments: where from, what is served, to whom? Compress, try on a few, promote, roll back."""

from collections.abc import Mapping
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from pydantic import ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import UnknownModel, Version
from shuyuan.maas.deployment.interface import Rules, picture
from shuyuan.maas.evaluation.interface import Verdict
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import answering, common, compressing, elsewhere, modelshelf, reasons, schemas
from shuyuan.web.reading import Reader

Verb = Literal["compress", "deploy", "promote", "stop", "rollback", "delete"]
DONE: Mapping[str, str] = {
    "compress": "compressing",
    "deploy": "deployed",
    "promote": "promoted",
    "stop": "stopped",
    "rollback": "rolled_back",
    "delete": "model_deleted",
}
ENDINGS = ".onnx,.safetensors,.keras,.gguf,.zip"  # offered by the file chooser
IMPORTS_SHOWN = 5
SHARES = ("5", "10", "25", "50")  # percent of the people, offered for a trial


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/models…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/models")
    def listed(request: Request, reader: Reader, notice: str = "") -> Response:
        return shelf(needs, request, reader, notice=notice)

    @api.get("/workshop/models/{name}")
    def one(
        request: Request,
        reader: Reader,
        name: str,
        version: int = 0,
        method: str = "",
        notice: str = "",
        seen: str = "",
    ) -> Response:
        changed = common.has_changed(request, seen, compressing.signature(needs, reader))
        return changed or _one(needs, request, reader, name, version, method, notice=notice)

    @api.post("/workshop/models/{name}/{verb}")
    async def act(request: Request, reader: Reader, name: str, verb: Verb) -> Response:
        form = await common.said(request)
        number = common.number(common.first(form, "version"), 0)
        try:
            await run_in_threadpool(_act, needs, reader, name, number, verb, form)
        except (errors.ShuyuanError, ValidationError) as wrong:
            trouble = common.bad(wrong) if isinstance(wrong, ValidationError) else wrong
            if isinstance(trouble, UnknownModel):
                raise trouble from wrong
            method = common.first(form, "method")
            return await run_in_threadpool(
                lambda: _one(needs, request, reader, name, number, method, trouble=trouble, form=form)
            )
        if verb == "delete":
            left = await run_in_threadpool(modelshelf.own, needs, reader.school_id, name)
            return common.lead(f"/workshop/models/{name}" if left else "/workshop/models", DONE[verb])
        return common.lead(f"/workshop/models/{name}", DONE[verb], version=number)

    return api


def shelf(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    given: object = None,
) -> Response:
    """Every model of the school's own, and what is being brought. given: what the form for bringing said."""
    return common.show(
        needs,
        request,
        "models.html",
        reader,
        "models",
        notice=notice,
        trouble=trouble,
        models=modelshelf.own(needs, reader.school_id),
        imports=needs.conversion.imports(reader.school_id)[:IMPORTS_SHOWN],
        given=given or {"name": "", "labels": ""},
        endings=ENDINGS,
        most=needs.settings.max_model_bytes,
    )


def _act(needs: WorkshopNeeds, reader: Principal, name: str, number: int, verb: Verb, form: common.Form) -> None:
    school_id, actor_id, said = reader.school_id, reader.account_id, form
    reason = common.first(said, "reason")[:400]
    if verb in ("stop", "rollback"):
        _require_reason(reason)
        (needs.deployment.stop if verb == "stop" else needs.deployment.rollback)(school_id, actor_id, name, reason)
    elif verb == "delete":
        reader.require("admin")
        needs.catalogue.delete(school_id, actor_id, name, None if common.first(said, "whole") else number, reason)
    elif verb == "deploy":
        share = common.number(common.first(said, "share"), 0)
        needs.deployment.deploy(
            school_id,
            actor_id,
            name,
            number,
            share=share / 100 if share else None,
            shadow=bool(common.first(said, "shadow")),
            rules=_rules(said),
            reason=reason,
        )
    elif verb == "promote":
        verdict_id = common.first(said, "verdict")
        verdict = needs.evaluation.verdict(school_id, verdict_id) if verdict_id else None
        if verdict is None or not verdict.passed:
            reader.require("admin")
        needs.deployment.promote(school_id, actor_id, name, number, verdict, reason)
    else:
        compressing.start(needs, reader, name, number, said)


def _rules(said: common.Form) -> Rules:
    """What the form says of the rules; what is left empty keeps its default."""
    told = {name: common.first(said, name) for name in Rules.model_fields}
    percent = {"max_error_rate"}
    values = {
        name: (float(text) / 100 if name in percent else text) if _is_number(text) else text
        for name, text in told.items()
        if text
    }
    return Rules.model_validate(values)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _require_reason(reason: str) -> None:
    if not reason:
        raise errors.BadInput(
            "no reason was given", fix="say why; it goes into the activity log", code="reason_missing"
        )


def _one(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    name: str,
    number: int,
    method: str,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    form: common.Form | None = None,
) -> Response:
    said = form or {}
    own = next(iter(modelshelf.own(needs, reader.school_id, name)), None)
    if own is None:
        return elsewhere.page(needs, request, reader, name, number, trouble)
    wanted = number or own.deployment.champion or own.versions[0].number
    shown = next((one for one in own.versions if one.number == wanted), own.versions[0])
    methods = needs.compression.methods()
    chosen = next((one for one in methods if one.name == method), methods[0])
    compressions = needs.compression.compressions(reader.school_id, parent=shown.uri)
    return common.show(
        needs,
        request,
        "model.html",
        reader,
        "models",
        notice=notice,
        trouble=trouble,
        own=own,
        deployment=own.deployment,
        shown=shown,
        children=own.children(shown),
        may_ask=bool(answering.asked(shown)),
        figures=modelshelf.shared(own.versions),
        validated=modelshelf.validated,
        way_back=needs.deployment.way_back(reader.school_id, name),
        parent=own.number(shown.parent_id),
        lineage=Markup(
            picture(needs.deployment.lineage(reader.school_id, name, shown.number), reader.language)
        ),  # escaped there
        standing=needs.deployment.standing(reader.school_id, name),
        history=needs.deployment.history(reader.school_id, name),
        frozen=needs.deployment.frozen(reader.school_id),
        verdicts=_verdicts(needs, reader, shown),
        methods=methods,
        method=chosen,
        fields=schemas.fields(chosen.config_schema, reader.language, schemas.typed(said)),
        sets=[one for one in needs.datasets.versions(reader.school_id) if len(one.parts) > 1],
        compressions=compressions,
        signature=compressing.signature(needs, reader),
        leaning=compressing.leaning,
        figure_word=compressing.figure_word,
        shares=SHARES,
        told=reasons.told,
        rules=own.deployment.rules,
        said=lambda field, otherwise="": common.first(said, field, otherwise),
    )


def _verdicts(needs: WorkshopNeeds, reader: Principal, version: Version) -> list[Verdict]:
    """What gates said of the version, and of the run it was made by; newest first."""
    subjects = [version.uri, *(one for one in version.lineage.values() if one.startswith("runs:/"))]
    reports = [one for subject in subjects for one in needs.evaluation.reports(reader.school_id, subject=subject)]
    return [verdict for report in reports for verdict in needs.evaluation.verdicts(reader.school_id, report.id)]
