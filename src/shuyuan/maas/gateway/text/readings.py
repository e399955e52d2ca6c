"""What needs no model, or only its tokenizer: tokens of a text, its keywords and tone, what the policy says of it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeVar

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import checks, interface, models
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway.text import screening
from shuyuan.maas.runners import interface as runners
from shuyuan.science.text import keywords as keyword_lists
from shuyuan.science.text import policy, sentiment

T = TypeVar("T")
DEADLINE_S = 60.0
_READS: tuple[catalogue_api.Task, ...] = ("chat", "complete", "embed")  # a model that does one has a tokenizer


class ForeignTokens(errors.BadInput):
    """Numbers that are no tokens of this model."""

    code, param = "invalid_request", "tokens"


async def tokenize(desk: desks.Desk, principal: Principal, model: str, text: str) -> interface.Tokens:
    """A text as numbers of the model's vocabulary."""
    checks.inputs([text])
    receipt, found, data = await _asked(desk, principal, model, "tokenize", {"text": text})
    given = data.get("tokens")
    tokens = tuple(given) if isinstance(given, list | tuple) else ()
    return interface.Tokens(receipt, text, tokens, found.context_tokens)


async def detokenize(desk: desks.Desk, principal: Principal, model: str, tokens: Sequence[int]) -> interface.Tokens:
    """The text of tokens."""
    payload = {"tokens": list(tokens)}
    try:
        receipt, found, data = await _asked(desk, principal, model, "detokenize", payload)
    except runners.BadPayload as foreign:
        raise ForeignTokens(foreign.message, fix=foreign.fix) from foreign
    return interface.Tokens(receipt, str(data.get("text", "")), tuple(tokens), found.context_tokens)


async def keywords(desk: desks.Desk, principal: Principal, text: str, limit: int) -> interface.Keywords:
    """Words the text is about."""
    receipt, words = await _read(desk, principal, models.KEYWORDS, [text], lambda: keyword_lists.keywords(text, limit))
    return interface.Keywords(receipt, tuple(words))


async def tone(desk: desks.Desk, principal: Principal, text: str) -> interface.Sentiment:
    """How the text sounds."""
    receipt, (label, score) = await _read(desk, principal, models.SENTIMENT, [text], lambda: sentiment.tone(text))
    return interface.Sentiment(receipt, label, score)


async def moderate(
    desk: desks.Desk, principal: Principal, texts: Sequence[str], asked: policy.Band | None
) -> interface.Moderated:
    """What the policy finds in each text, for `asked` or the caller's own band."""
    checks.together(texts)
    band = asked or screening.band_of(principal)
    receipt, judged = await _read(
        desk, principal, models.POLICY, texts, lambda: tuple(policy.judge(text) for text in texts)
    )
    return interface.Moderated(receipt, band, judged)


async def _read(
    desk: desks.Desk, principal: Principal, builtin: catalogue_api.Loadable, texts: Sequence[str], work: Callable[[], T]
) -> tuple[interface.Receipt, T]:
    """Do pure work off the event loop, on the books."""
    began = time.perf_counter()
    desk.admit(principal)
    checks.together(texts)
    async with desk.booked(principal, builtin, builtin.name, purpose="service", began=began) as call:
        done = await asyncio.to_thread(work)
        call.note(interface.Usage(0))
    return desks.receipt(call, builtin), done


async def _asked(
    desk: desks.Desk, principal: Principal, model: str, task: str, payload: Mapping[str, object]
) -> tuple[interface.Receipt, catalogue_api.Loadable, Mapping[str, object]]:
    began = time.perf_counter()
    desk.admit(principal)
    found = await _reader(desk, principal, model)
    data: dict[str, object] = {}
    async with desk.booked(principal, found, task, began=began) as call:
        chunks = desk.engine.submit(model, task, payload, asker=desk.asker(principal), deadline_s=DEADLINE_S)
        async with aclosing(chunks):
            async for chunk in chunks:
                data |= {"text": str(data.get("text", "")) + chunk.text} if chunk.text else {}
                data |= chunk.data
        call.note(interface.Usage(0))  # nothing is generated: reading a text as tokens is free
    return desks.receipt(call, found), found, data


async def _reader(desk: desks.Desk, principal: Principal, model: str) -> catalogue_api.Loadable:
    refused: errors.ShuyuanError | None = None
    for task in _READS:
        try:
            return await desk.locate(principal, model, task)
        except interface.NotClaimed as unfit:
            refused = unfit
    assert refused is not None
    raise refused
