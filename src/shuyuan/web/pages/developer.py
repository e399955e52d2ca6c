"""API: how do I call it? Address, own keys (shown once), snippets, *Run*, and the same request as the platform saw."""

import json
from datetime import datetime, timedelta
from typing import Annotated, get_args

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Band, KeyInfo, NewKey, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, errors
from shuyuan.maas.gateway.interface import Call
from shuyuan.web import firsthand
from shuyuan.web.glossary import say
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.pages.setup import chat_model
from shuyuan.web.reading import Reader

SEE_OTHER = 303
SNIPPETS = ("python", "curl", "javascript")
LIFETIMES = (7, 90, 365)  # days
NO_END = 0  # the form's word for a key that never expires
SCOPES = ("models", "learning")
LONGEST_QUESTION = 4000
LOG_LOOKED_AT = 200  # newest entries of the activity log among which one's own is found


def router(needs: OfficeNeeds) -> APIRouter:
    """`/developer…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/developer")
    def page(request: Request, reader: Reader, show: str = "") -> Response:
        return _page(needs, request, reader, show=show)

    @api.post("/developer/keys")
    def create(
        request: Request,
        reader: Reader,
        name: Annotated[str, Form()] = "",
        days: Annotated[int, Form()] = 90,
        scopes: Annotated[list[str], Form()] = ["models"],  # noqa: B006  # read only
        age_band: Annotated[Band, Form()] = "adult",
    ) -> Response:
        try:
            made = needs.identity.create_key(
                reader,
                name,
                scopes=[one for one in scopes if one],
                expires_in_days=None if days == NO_END else days,
                age_band=age_band,
            )
        except (errors.BadInput, errors.Conflict, errors.Forbidden) as wrong:
            return _page(needs, request, reader, trouble=wrong)
        return _page(needs, request, reader, made=made)

    @api.post("/developer/keys/{key_id}/revoke")
    def revoke(reader: Reader, key_id: str) -> Response:
        needs.identity.revoke_key(reader, key_id)
        return RedirectResponse("/developer#keys", SEE_OTHER)

    @api.post("/developer/run")
    async def run(
        request: Request,
        reader: Reader,
        question: Annotated[str, Form()] = "",
        show: Annotated[str, Form()] = "",
    ) -> Response:
        model = await run_in_threadpool(chat_model, needs)
        plain = question.replace("\r\n", "\n").strip()[:LONGEST_QUESTION]
        asked = plain or await run_in_threadpool(_sample, needs, reader, model)
        told = await firsthand.ask(request, model, asked)
        return await run_in_threadpool(_ran, needs, request, reader, show, asked, told)

    return api


def _ran(
    needs: OfficeNeeds, request: Request, reader: Principal, show: str, asked: str, told: firsthand.Told
) -> Response:
    line = firsthand.ledger_line(needs.gateway, reader, told.call_id) if told.call_id else None
    return _page(needs, request, reader, show=show, question=asked, told=told, line=line)


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    *,
    show: str = "",
    question: str = "",
    told: firsthand.Told | None = None,
    line: Call | None = None,
    made: NewKey | None = None,
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    model, keys = chat_model(needs), needs.identity.keys(reader)
    asked = question or _sample(needs, reader, model)
    moment = clock.now()
    body = {"model": model, "messages": [{"role": "user", "content": asked}]}
    allowance = next((one for one in needs.gateway.usage(reader) if one.scope == "account"), None)
    return needs.shell.show(
        request,
        "developer/api.html",
        principal=reader,
        here="api",
        show=show if show in SNIPPETS else SNIPPETS[0],
        snippets=SNIPPETS,
        base=f"{str(request.base_url).rstrip('/')}/v1",
        model=model,
        body=json.dumps(body, ensure_ascii=False, indent=1),
        question=asked,
        told=told,
        line=line,
        made=made,
        keys=keys,
        calls_with=next((one for one in keys if _calls_models(one, moment)), None),
        moment=moment,
        allowance=allowance,
        lifetimes=[(days, moment + timedelta(days=days)) for days in LIFETIMES],
        no_end=NO_END,
        scopes=SCOPES,
        bands=tuple(reversed(get_args(Band))),
        trouble=trouble,
        notice="",
        status=trouble.status if trouble else 200,
        models=needs.gateway.models(reader.school_id),
        entry=_own_entry(needs, reader) if told else None,
    )


def _calls_models(key: KeyInfo, moment: datetime) -> bool:
    lives = key.revoked_at is None and (key.expires_at is None or key.expires_at > moment)
    return lives and "models" in key.scopes


def _sample(needs: OfficeNeeds, reader: Principal, model: str) -> str:
    """A question in the reader's language, or in one that the model's card claims."""
    claimed = next((one.entry.languages for one in needs.catalogue.models() if one.entry.name == model), ())
    return say(reader.language if reader.language in claimed or not claimed else claimed[0], "developer.sample")


def _own_entry(needs: OfficeNeeds, reader: Principal) -> tuple[int, str] | None:
    """The newest entry of the activity log about the reader's keys: number and action."""
    with needs.db.read() as conn:
        for row in kernel_audit.entries(conn, reader.school_id, limit=LOG_LOOKED_AT, action="key."):
            if row.actor_id == reader.account_id:
                return row.seq, row.action
    return None
