"""How near texts lie to what somebody stated: by meaning where the search model is in memory, else by shared words."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from math import log, sqrt
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.gateway.interface import Gateway
from shuyuan.science.text.terms import terms

DEADLINE_S = 2.0  # a page does not wait longer for meaning
KEPT_VECTORS = 500


class Near(NamedTuple):
    """values: (asked, texts) cosines. An empty question is near to nothing: NaN."""

    values: npt.NDArray[np.float64]
    by: Literal["meaning", "words"]


class Nearness:
    """Remembers the vectors of the texts it is compared with: courses are asked about again and again."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._vectors: dict[tuple[str, str, str], npt.NDArray[np.float32]] = {}  # school, version of the model, text

    async def of(self, principal: Principal, asked: Sequence[str], texts: Sequence[str]) -> Near:
        """Every question against every text."""
        values = None
        with contextlib.suppress(errors.ShuyuanError, TimeoutError):
            values = await self._meaning(principal, asked, texts) if any(asked) else None
        found = np.array([shared(one, texts) for one in asked]) if values is None else values
        found[[not one for one in asked]] = np.nan
        return Near(found, "words" if values is None else "meaning")

    async def _meaning(
        self, principal: Principal, asked: Sequence[str], texts: Sequence[str]
    ) -> npt.NDArray[np.float64] | None:
        """Cosines; None unless the search model is in memory already: a page does not wait for it to load."""
        statuses = await asyncio.to_thread(self._gateway.models)
        if not any(one.model == "embed" and one.state == "ready" for one in statuses):
            return None
        async with asyncio.timeout(DEADLINE_S):
            queries = await self._gateway.embed(principal, "embed", [one or "-" for one in asked], kind="query")
            known = await self._of_texts(principal, queries.receipt.version, texts)
        if known is None:
            return None
        return np.asarray(queries.vectors @ np.stack([known[one] for one in texts]).T, dtype=np.float64)

    async def _of_texts(
        self, principal: Principal, version: str, texts: Sequence[str]
    ) -> dict[str, npt.NDArray[np.float32]] | None:
        """By that version of the model; None when another one answers now. Versions of two schools may share a name."""
        school, kept = principal.school_id, self._vectors
        known = {one: kept[school, version, one] for one in texts if (school, version, one) in kept}
        if new := [one for one in dict.fromkeys(texts) if one not in known]:
            made = await self._gateway.embed(principal, "embed", new)
            if made.receipt.version != version:
                return None
            if len(self._vectors) > KEPT_VECTORS:
                self._vectors = {}
            fresh = dict(zip(new, made.vectors, strict=True))
            self._vectors |= {(school, version, one): vector for one, vector in fresh.items()}
            known |= fresh
        return known


def shared(asked: str, texts: Sequence[str]) -> list[float]:
    """Cosines of word counts, rare words counting more.

    >>> shared("like algebra", ["algebra and numbers", "history of art"])[1]
    0.0
    """
    bags = [Counter(terms(text)) for text in (asked, *texts)]
    in_texts = Counter(word for bag in bags for word in bag)
    weighted = [{word: n * log(1 + len(bags) / in_texts[word]) for word, n in bag.items()} for bag in bags]
    sizes = [sqrt(sum(value * value for value in bag.values())) or 1.0 for bag in weighted]
    query = weighted[0]
    return [
        sum(value * query.get(word, 0.0) for word, value in bag.items()) / (size * sizes[0])
        for bag, size in zip(weighted[1:], sizes[1:], strict=True)
    ]
