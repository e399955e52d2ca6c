"""Continue a conversation: the verb behind `/v1/chat/completions`."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import checks, interface
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway.books import quota
from shuyuan.maas.gateway.text import answering, screening
from shuyuan.maas.gateway.text.answering import Answer


@asynccontextmanager
async def chat(
    desk: desks.Desk,
    screen: screening.Screening,
    principal: Principal,
    request: interface.ChatRequest,
    *,
    purpose: interface.Purpose,
    deadline_s: float,
    began: float | None,
) -> AsyncIterator[Answer]:
    """See `interface.Gateway.chat`."""
    began = began or time.perf_counter()
    desk.admit(principal)
    checks.messages(request.messages)
    checks.choices(request.n, request.logprobs)
    checks.unheld(request.logprobs, request.age_band)
    model = await desk.locate(principal, request.model, "chat")
    _require_claims(request, model)
    if request.age_band:
        said = [str(message["content"]) for message in request.messages if message["role"] != "system"]
        await screen.admit(principal, said, request.age_band, own=_own(request) if purpose == "api" else ())
    prompt = quota.estimate_tokens(_texts(request)) + quota.TEMPLATE_TOKENS
    limit = answering.completion_limit(request.max_tokens, model, prompt)
    booked = desk.booked(
        principal,
        model,
        "chat",
        tokens=prompt + request.n * limit,
        prompt_tokens=prompt,
        purpose=purpose,
        began=began,
        early=True,
    )
    async with booked as call:
        payloads = answering.seeded(_payload(request, limit), request.n)
        streams = answering.submitted(desk, call, principal, model, request.model, "chat", payloads, deadline_s)
        async with aclosing(Answer(streams, call, model, request.age_band)) as answer:
            yield answer  # when the reader leaves, the workers' work stops


def _own(request: interface.ChatRequest) -> list[str]:
    return [str(message["content"]) for message in request.messages if message["role"] == "user"]


def _payload(request: interface.ChatRequest, limit: int) -> Mapping[str, object]:
    payload: dict[str, object] = {
        "messages": list(request.messages),
        "max_tokens": limit,
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    payload |= {"stop": list(request.stop)} if request.stop else {}
    payload |= {"seed": request.seed} if request.seed is not None else {}
    payload |= {"logprobs": request.logprobs} if request.logprobs is not None else {}
    payload |= {"json_schema": dict(request.json_schema)} if request.json_schema is not None else {}
    payload |= {"tools": [dict(tool) for tool in request.tools]} if request.tools else {}
    payload |= {"tool_choice": request.tool_choice} if request.tools and request.tool_choice is not None else {}
    together = request.parallel_tool_calls
    payload |= {"parallel_tool_calls": together} if request.tools and together is not None else {}
    return payload


def _require_claims(request: interface.ChatRequest, model: catalogue_api.Loadable) -> None:
    """Tools go to models whose version says `"tools": true`: the others would only talk about them."""
    wanted = request.tools or any(
        message["role"] not in ("system", "user", "assistant") for message in request.messages
    )
    if wanted and not model.spec.get("tools"):
        raise interface.NotClaimed(
            f"tools: {model.name!r} does not claim to use tools",
            fix='leave tools out, or use a model whose version has spec {"tools": true}',
            param="tools",
        )


def _texts(request: interface.ChatRequest) -> list[str]:
    """Everything the model will read, for the estimate of its cost."""
    texts = [str(message["content"]) for message in request.messages]
    return [*texts, json.dumps(list(request.tools), ensure_ascii=False)] if request.tools else texts
