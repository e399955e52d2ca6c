"""Go on from plain texts: the verb behind `/v1/completions`."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import checks, interface
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway.books import quota
from shuyuan.maas.gateway.text import answering, screening
from shuyuan.maas.gateway.text.answering import Answer


@asynccontextmanager
async def complete(
    desk: desks.Desk,
    screen: screening.Screening,
    principal: Principal,
    request: interface.CompletionRequest,
    *,
    deadline_s: float,
    began: float | None,
) -> AsyncIterator[Answer]:
    """See `interface.Gateway.complete`."""
    began = began or time.perf_counter()
    desk.admit(principal)
    checks.inputs(request.prompts)
    checks.choices(request.n * len(request.prompts), request.logprobs)
    checks.unheld(request.logprobs, request.age_band)
    model = await desk.locate(principal, request.model, "complete")
    if request.age_band:
        await screen.admit(principal, request.prompts, request.age_band)
    prompt = quota.estimate_tokens(request.prompts)
    limit = answering.completion_limit(request.max_tokens, model, prompt)
    answers = request.n * len(request.prompts)
    booked = desk.booked(
        principal,
        model,
        "complete",
        tokens=prompt + answers * limit,
        prompt_tokens=prompt,
        began=began,
        early=True,
    )
    async with booked as call:
        payloads = [
            payload
            for text in request.prompts
            for payload in answering.seeded(_payload(request, text, limit), request.n)
        ]
        streams = answering.submitted(desk, call, principal, model, request.model, "complete", payloads, deadline_s)
        async with aclosing(Answer(streams, call, model, request.age_band)) as answer:
            yield answer  # when the reader leaves, the workers' work stops


def _payload(request: interface.CompletionRequest, text: str, limit: int) -> Mapping[str, object]:
    payload: dict[str, object] = {
        "prompt": text,
        "max_tokens": limit,
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    payload |= {"stop": list(request.stop)} if request.stop else {}
    payload |= {"seed": request.seed} if request.seed is not None else {}
    payload |= {"logprobs": request.logprobs} if request.logprobs is not None else {}
    return payload
