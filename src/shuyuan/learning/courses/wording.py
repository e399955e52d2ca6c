"""What the items of a school say, as vectors: words always, meaning beside them where the search model answers.

By them a learner model guesses how hard an item is that nobody has answered yet.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors, jobs, log, mainloop
from shuyuan.learning.courses.interface import Courses, Worded, says
from shuyuan.maas.gateway.interface import Gateway
from shuyuan.science.text import wordvectors
from shuyuan.science.tracing.serving import newitems

MODEL = "embed"
AT_ONCE, KEPT_VECTORS, MOST_ITEMS = 64, 6_000, 6_000  # 2,400 numbers an item
DEADLINE_S = 60.0  # of one call: the model may have to be loaded first
_logger = log.get("courses.wording")
_Vectors = npt.NDArray[np.float32]


class _Known(NamedTuple):
    """Vectors by text, of one version of the model."""

    version: str
    vectors: Mapping[str, _Vectors]


class Wordings:
    """Implements `interface.Wordings`. Remembers vectors: the same items are asked about every night."""

    def __init__(self, courses: Courses, gateway: Gateway, main_loop: mainloop.MainLoop) -> None:
        self._courses, self._gateway, self._loop = courses, gateway, main_loop
        self._known = _Known("", {})

    def of(self, school_id: str) -> Worded:
        """See Wordings.of."""
        ids = self._items(school_id)[:MOST_ITEMS]
        points = [self._courses.item(school_id, one).points for one in ids]
        texts = [says(self._courses, school_id, one) for one in ids]
        words = wordvectors.of(texts)
        meaning = self._meaning(school_id, texts)
        vectors = words if meaning is None else np.hstack([words, meaning])
        return Worded(newitems.Worded(ids, points, vectors), meaning is not None)

    def _items(self, school_id: str) -> list[str]:
        courses = [one.id for one in self._courses.courses(school_id)]
        points = [point.id for one in courses for point in self._courses.graph(school_id, one).points]
        return sorted({item for point in points for item in self._courses.items_of_point(school_id, point)})

    def _meaning(self, school_id: str, texts: Sequence[str]) -> _Vectors | None:
        """(texts, D); None where the model is not on this machine, or does not answer."""
        try:
            known = self._told(school_id, texts, self._known) or self._told(school_id, texts, _Known("", {}))
        except (errors.ShuyuanError, TimeoutError) as why:
            _logger.info("words_alone", school=school_id, reason=repr(why)[:200])
            return None
        if known is None or not texts:
            return None
        self._known = known if len(known.vectors) <= KEPT_VECTORS else _Known("", {})
        return np.stack([known.vectors[text] for text in texts])

    def _told(self, school_id: str, texts: Sequence[str], before: _Known) -> _Known | None:
        """Vectors of these texts beside those known before. None: another version of the model answers now."""
        asks = Principal(kernel_audit.SYSTEM, school_id, "admin")
        version, vectors = before
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        for at in range(0, len(new), AT_ONCE):
            if jobs.is_stopping():
                raise errors.Unavailable("the server stops", fix="the next turn reads the texts again")
            some = new[at : at + AT_ONCE]
            made = self._loop.run(self._gateway.embed(asks, MODEL, some, purpose="service"), within_s=DEADLINE_S)
            if (version or made.receipt.version) != made.receipt.version:
                return None
            version, vectors = made.receipt.version, {**vectors, **dict(zip(some, made.vectors, strict=True))}
        return _Known(version, vectors)
