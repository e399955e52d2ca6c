"""Draw a picture: only a `remote` model does; its answer is passed on."""

import asyncio
import time
from contextlib import aclosing
from typing import Any, cast

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.media import forms
from shuyuan.maas.gateway.text import screening

DEADLINE_S = 300.0


async def generate(
    desk: desks.Desk,
    screen: screening.Screening,
    principal: Principal,
    body: forms.GenerationBody,
    *,
    age_band: interface.Band,
    began: float | None = None,
) -> tuple[dict[str, Any], interface.Receipt]:  # Any: JSON
    """Pictures as base64. Raises NotClaimed unless the model is a remote one that draws, ContentPolicy for its band."""
    began = began or time.perf_counter()
    desk.admit(principal)
    model = await _painter(desk, principal, body.model)
    await screen.admit(principal, [body.prompt], age_band)
    payload = {"prompt": body.prompt, "n": body.n, "size": body.size, "seed": body.seed}
    data: dict[str, object] = {}
    async with desk.booked(principal, model, "images", tokens=body.reserved_tokens, began=began) as call:
        asker = desk.asker(principal)
        chunks = desk.engine.submit(body.model, "draw", payload, asker=asker, deadline_s=DEADLINE_S)
        spent = interface.Usage(body.reserved_tokens)
        async with aclosing(chunks):
            async for chunk in chunks:
                data, spent = {**data, **chunk.data}, chunk.usage or spent
        call.note(spent)
    drawn = [{"b64_json": str(picture)} for picture in cast(list[object], data.get("pictures", []))]
    return {"created": int(time.time()), "data": drawn}, desks.receipt(call, model)


async def _painter(desk: desks.Desk, principal: Principal, name: str) -> catalogue_api.Loadable:
    """The version given to this caller. Drawing is no task of a card: one that the champion claims stands for it."""
    champion = _drawing(name, await asyncio.to_thread(desk.card, name, principal.school_id))
    return _drawing(name, await desk.locate(principal, name, next(iter(champion.tasks), "chat")))


def _drawing(name: str, model: catalogue_api.Loadable | None) -> catalogue_api.Loadable:
    if model is None or model.runner != "remote" or not model.spec.get("draws"):
        raise interface.NotClaimed(
            f"{name!r} does not draw: pictures come from a `remote` model alone",
            fix='register a remote version with spec {"draws": true} of a server that offers /v1/images/generations',
        )
    return model
