"""What the items of a school say, as vectors: words always, meaning beside them where the search model answers.

By them a learner model guesses how hard an item is that nobody has answered yet.
"""

import math
import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors, jobs, log, mainloop
from shuyuan.learning.courses.interface import Courses, Worded, says
from shuyuan.maas.gateway.interface import MAX_CHARS, Gateway
from shuyuan.science.text import wordvectors
from shuyuan.science.tracing.serving import newitems

MODEL = "embed"
AT_ONCE, KEPT_VECTORS, MOST_ITEMS = 64, 12_000, 6_000  # 2,400 numbers an item, of which a vector that is kept has 400
MOST_CHARS = MAX_CHARS // AT_ONCE  # of one text
DEADLINE_S, ALTOGETHER_S = 60.0, 600.0  # of one call, for the model may have to be loaded first; of all calls of a turn
MOST_SHARE = 0.1  # of what is left of the school's allowances: lessons come first
_logger = log.get("courses.wording")
_Vectors = npt.NDArray[np.float32]


class _Known(NamedTuple):
    """Vectors by text, of one version of the model."""

    version: str
    vectors: Mapping[str, _Vectors]


class Wordings:
    """Implements `interface.Wordings`. Remembers vectors: the same items are asked about every night.

    By school, whose own version of the model may have the name of another school's.
    """

    def __init__(self, courses: Courses, gateway: Gateway, main_loop: mainloop.MainLoop) -> None:
        self._courses, self._gateway, self._loop = courses, gateway, main_loop
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()  # a turn that was asked for, beside that of another school

    def of(self, school_id: str) -> Worded:
        """See Wordings.of."""
        ids = self._items(school_id)[:MOST_ITEMS]
        points = [self._courses.item(school_id, one).points for one in ids]
        texts = [says(self._courses, school_id, one) for one in ids]
        words = wordvectors.of(texts).astype(np.float32)  # half the memory: thousands of items are 50 MB
        meaning = self._meaning(school_id, [text[:MOST_CHARS] for text in texts])
        vectors = words if meaning is None else np.hstack([words, meaning])
        return Worded(newitems.Worded(ids, points, vectors), meaning is not None)

    def known(self, school_id: str, texts: Mapping[str, str]) -> Mapping[str, _Vectors]:
        """See Wordings.known."""
        kept = self._known.get(school_id)
        vectors = kept.vectors if kept is not None else {}
        return {key: vectors[cut] for key, text in texts.items() if (cut := text[:MOST_CHARS]) in vectors}

    def _items(self, school_id: str) -> list[str]:
        courses = [one.id for one in self._courses.courses(school_id)]
        points = [point.id for one in courses for point in self._courses.graph(school_id, one).points]
        return sorted({item for point in points for item in self._courses.items_of_point(school_id, point)})

    def _meaning(self, school_id: str, texts: Sequence[str]) -> _Vectors | None:
        """(texts, D), zero for a text that says nothing; None where the model is not on this machine, or cannot do it.

        Raises Unavailable when everything stops: then no turn goes on either."""
        some = [text for text in dict.fromkeys(texts) if text.strip()]
        if not some:
            return None
        try:
            vectors = self._told(Principal(kernel_audit.SYSTEM, school_id, "admin"), some)
        except (errors.ShuyuanError, TimeoutError) as why:
            if jobs.is_stopping():
                raise
            _logger.info("words_alone", school=school_id, reason=repr(why)[:200])
            return None
        nothing = np.zeros_like(vectors[some[0]])
        return np.stack([vectors.get(text, nothing) for text in texts])

    def _told(self, asks: Principal, texts: Sequence[str]) -> Mapping[str, _Vectors]:
        """Vectors of these texts. One is always asked for: it tells which version of the model answers now."""
        version, vector = self._read(asks, texts[:1])
        before = self._known.get(asks.school_id)
        vectors = dict(before.vectors) if before is not None and before.version == version else {}
        vectors |= vector
        new = [text for text in texts if text not in vectors]
        self._refuse_much(asks, new)
        ends = time.monotonic() + ALTOGETHER_S
        try:
            for at in range(0, len(new), AT_ONCE):
                if jobs.is_stopping() or time.monotonic() > ends:
                    raise errors.Unavailable(f"{len(new) - at} texts were not read", fix="the next turn goes on there")
                answered, some = self._read(asks, new[at : at + AT_ONCE])
                if answered != version:
                    raise errors.Unavailable(f"{answered} came after {version}", fix="the next turn reads anew")
                vectors |= some
        finally:
            self._remember(asks.school_id, _Known(version, {text: vectors[text] for text in texts if text in vectors}))
        return vectors

    def _read(self, asks: Principal, texts: Sequence[str]) -> tuple[str, Mapping[str, _Vectors]]:
        made = self._loop.run(self._gateway.embed(asks, MODEL, texts, purpose="service"), within_s=DEADLINE_S)
        return made.receipt.version, dict(zip(texts, made.vectors, strict=True))

    def _refuse_much(self, asks: Principal, texts: Sequence[str]) -> None:
        """Raise Unavailable where reading them would take what lessons may need. A character is about a token."""
        tokens, calls = sum(map(len, texts)), len(texts) / AT_ONCE
        for one in self._gateway.usage(asks) if texts else ():
            if tokens > MOST_SHARE * _left(one.tokens_left) or calls > MOST_SHARE * _left(one.requests_left):
                raise errors.Unavailable(
                    f"{len(texts)} texts are more than a tenth of what is left to this {one.scope}", fix="raise it"
                )

    def _remember(self, school_id: str, known: _Known) -> None:
        """The schools that were read last."""
        with self._lock:
            self._known.pop(school_id, None)
            self._known[school_id] = known
            while len(self._known) > 1 and sum(len(one.vectors) for one in self._known.values()) > KEPT_VECTORS:
                del self._known[next(iter(self._known))]


def _left(allowance: int | None) -> float:
    return math.inf if allowance is None else allowance
