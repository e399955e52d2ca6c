"""Vectors are made in parts: what was computed before a text that is refused is paid for."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.maas.gateway.scripted import Caller, ScriptedEngine

from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LONG = "long"


class Reading(ScriptedEngine):
    """Refuses a text that is too long, as a worker does, before anything of its part is computed."""

    async def embed(self, model: str, texts: Sequence[str], **said: Any) -> serving.Embeddings:
        if LONG in texts:
            raise runners.ContextTooLong("too long", fix="shorten it")
        return await super().embed(model, texts, **said)


@pytest.mark.parametrize(
    ("texts", "paid", "status"),
    [
        ([*["short"] * 128, LONG], 5 * 128, "settled"),
        ([LONG, *["short"] * 128], 0, "released"),
        (["short"] * 130, 5 * 130, "settled"),
    ],
)
def test_parts_that_were_answered_stay_charged(
    make_gateway: Callable[..., GatewayService], caller: Caller, texts: list[str], paid: int, status: str
) -> None:
    gateway = make_gateway(Reading())

    async def embed() -> int:
        try:
            return len((await gateway.embed(caller.principal, "embed", texts, truncate="none")).vectors)
        except runners.ContextTooLong:
            return 0
        finally:
            await gateway.drain()

    assert asyncio.run(embed()) == (0 if LONG in texts else len(texts))
    (call,) = gateway.calls(caller.principal)
    assert (call.prompt_tokens, call.status) == (paid, status)
    assert call.outcome == ("context_length_exceeded" if LONG in texts else "ok")
    assert max(one.tokens_used for one in gateway.usage(caller.principal)) == paid
