"""Answers of OpenAI's API that come whole: vectors and pictures. Bounded; the big ones are parsed off the loop."""

import asyncio
import base64
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import numpy as np

from shuyuan.maas.runners import interface, llamaevents, remotewire

MAX_ANSWER_BYTES = 64 << 20
PARSED_HERE_BYTES = 1 << 20  # more is parsed in a thread


async def embeddings(answer: aiohttp.ClientResponse, texts: Sequence[str]) -> interface.Chunk:
    """The one chunk of an embeddings answer, rows in the order asked. Raises Broke."""
    return await _parsed(await _whole(answer), lambda body: _vectors(body, len(texts)))


async def pictures(answer: aiohttp.ClientResponse, most: int) -> interface.Chunk:
    """The one chunk of a drawing's answer: at most `most` pictures in base64. Raises Broke."""
    return await _parsed(await _whole(answer), lambda body: _drawn(body, most))


async def _whole(answer: aiohttp.ClientResponse) -> bytearray:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise remotewire.Broke(f"the upstream's answer is larger than {MAX_ANSWER_BYTES} bytes")
    return body


async def _parsed(body: bytearray, read_it: Callable[[bytearray], interface.Chunk]) -> interface.Chunk:
    if len(body) > PARSED_HERE_BYTES:
        return await asyncio.to_thread(read_it, body)
    return read_it(body)


def _vectors(body: bytearray, count: int) -> interface.Chunk:
    said = remotewire.parse(body, _row)
    try:
        rows = sorted(said["data"], key=lambda row: row["index"])  # type: ignore[call-overload]  # checked below
        vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
            raise ValueError("shape")
        tokens = llamaevents.tokens(said["usage"]["prompt_tokens"]) if "usage" in said else 0  # type: ignore[index]
    except (KeyError, TypeError, ValueError) as wrong:
        raise remotewire.Broke("the upstream sent something else than embeddings") from wrong
    packed = {"embeddings": interface.pack_tensor(vectors)}
    return interface.Chunk(tensors=packed, finish_reason="stop", usage=interface.Usage(prompt_tokens=tokens))


def _row(found: dict[str, object]) -> dict[str, object]:
    """Called for every object while JSON is parsed: vectors are packed at once, and other threads get a turn."""
    if "embedding" in found:
        found["embedding"] = np.array(found["embedding"], dtype=np.float32)
    return found


def _drawn(body: bytearray, most: int) -> interface.Chunk:
    said = remotewire.parse(body)
    try:
        found = [row["b64_json"] for row in said["data"]]  # type: ignore[attr-defined]  # checked by the except below
        if not 0 < len(found) <= most or not all(base64.b64decode(one, validate=True) for one in found):
            raise ValueError("pictures")
        told: Any = said.get("usage")  # Any: JSON; what it lacks is caught below
        usage = (
            interface.Usage(llamaevents.tokens(told["input_tokens"]), llamaevents.tokens(told["output_tokens"]))
            if told
            else None
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise remotewire.Broke("the upstream sent something else than pictures in base64") from wrong
    return interface.Chunk(data={"pictures": found}, finish_reason="stop", usage=usage)
