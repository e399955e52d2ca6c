"""Sentences are held until they were judged; how the text came makes no difference."""

import asyncio

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.text import screening


def test_a_holdback_says_the_same_however_the_text_was_cut() -> None:
    text = "First one. Second 二。Third! And a rest"

    async def through(size: int) -> str:
        guard, out = screening.Holdback("child"), ""
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        for piece in [*(interface.Delta(part) for part in cut), interface.Delta(finish_reason="stop")]:
            released = await guard.pass_on(piece)
            out += released.text if released else ""
        return out

    assert [asyncio.run(through(size)) for size in (1, 3, 100)] == [text] * 3
