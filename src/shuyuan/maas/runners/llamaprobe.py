"""Is a grammar in force? llama.cpp drops one that has no answer, or that is too hard for it, and writes free text.

It says so nowhere. So the first answer under a grammar is preceded by a call for one token, with all weight on a letter
that no JSON begins with: where the letter comes out, nothing holds the model. One pass a grammar, then remembered.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from shuyuan.maas.runners import interface

LETTER = "x"  # no JSON begins with it
_WEIGHT = 1_000.0  # far above what a model gives any token
_REMEMBERED = 256  # grammars of one model, each at most 64 kB

Ask = Callable[[dict[str, object], interface.Cancellation], Iterable[interface.Chunk]]


class Probe:
    """What is known of the grammars of one model. Safe to share between threads."""

    def __init__(self, ask: Ask) -> None:
        """ask: a raw completion."""
        self._ask = ask
        self._known: OrderedDict[str, bool] = OrderedDict()
        self._guard = threading.Lock()

    def require(self, grammar: str, cancelled: interface.Cancellation) -> None:
        """Raise BadPayload unless the model is held to this grammar."""
        with self._guard:
            holds = self._known.get(grammar)
        if holds is None:
            holds = self._holds(grammar, cancelled)
        if not holds:
            raise interface.BadPayload(
                "no answer can keep to this schema, or it is too hard for the engine",
                fix="mend what contradicts itself (limits, required, pattern beside minLength), or make it smaller",
            )

    def _holds(self, grammar: str, cancelled: interface.Cancellation) -> bool:
        request = {"prompt": LETTER, "max_tokens": 1, "temperature": 0, "stream": True, "grammar": grammar}
        chunks = list(self._ask({**request, "logit_bias": [[LETTER, _WEIGHT]]}, cancelled))
        if chunks[-1].finish_reason == "cancelled":
            return True  # the caller left: nothing was learnt, nothing will be said
        said = "".join(chunk.text for chunk in chunks)
        ended = not said and chunks[-1].finish_reason == "stop"  # before any JSON: no answer either
        holds = not ended and not said.lstrip().startswith(LETTER)
        with self._guard:
            self._known[grammar] = holds
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return holds
