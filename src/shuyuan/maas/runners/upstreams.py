"""Which upstream answers next: weights, rest after failures, and a budget of retries. Knows no HTTP.

An upstream that fails rests for 1 s, then 2, 4 … up to 60; after its rest it gets one request at a time until
one succeeds. Retries stay within a fifth of the requests, so that a failing backend is not stampeded.
"""

import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

_FIRST_REST_S = 1.0
_LONGEST_REST_S = 60.0
_RETRY_SHARE = 0.2
_FREE_RETRIES = 3.0  # in hand at the start, and at most saved up


@dataclass(eq=False, slots=True)
class Upstream:
    """One OpenAI-compatible server and what is known of its health."""

    url: str
    model: str
    weight: float = 1.0
    key_env: str = ""
    failures: int = 0
    rests_until: float = 0.0
    trying: bool = False  # the one request after a rest is under way


class Pool:
    """The upstreams of one model, in the order of the fallback chain. Safe to use from several threads."""

    def __init__(
        self,
        upstreams: Collection[Upstream],
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._upstreams = list(upstreams)
        self._clock, self._rng = clock, rng or random.Random()
        self._guard = threading.Lock()
        self._retries = _FREE_RETRIES

    def choose(self, tried: Collection[Upstream] = ()) -> Upstream | None:
        """By weight among the healthy and untried; weight 0 only when no other is left. None: nobody."""
        with self._guard:
            ready = [u for u in self._upstreams if u not in tried and self._ready(u)]
            weights = [u.weight for u in ready]
            if not ready:
                return None
            found = self._rng.choices(ready, weights)[0] if any(weights) else ready[0]
            found.trying = found.failures > 0
            return found

    def earn(self) -> None:
        """A request came in: a fifth of a retry more."""
        with self._guard:
            self._retries = min(self._retries + _RETRY_SHARE, _FREE_RETRIES)

    def spend(self) -> bool:
        """Take one retry from the budget; False when it is spent."""
        with self._guard:
            if self._retries < 1:
                return False
            self._retries -= 1
            return True

    def succeeded(self, upstream: Upstream) -> None:
        """It answered: healthy again."""
        with self._guard:
            upstream.failures, upstream.trying = 0, False

    def failed(self, upstream: Upstream, rest_s: float = 0.0) -> None:
        """It did not answer: it rests, longer each time, and at least `rest_s`."""
        with self._guard:
            pause_s = min(_FIRST_REST_S * 2**upstream.failures, _LONGEST_REST_S)
            upstream.failures = min(upstream.failures + 1, 10)
            upstream.rests_until = self._clock() + min(max(pause_s, rest_s), _LONGEST_REST_S)
            upstream.trying = False

    def left(self, upstream: Upstream) -> None:
        """The caller went away before anything was learnt."""
        with self._guard:
            upstream.trying = False

    def rest_s(self) -> float:
        """How long until somebody may be asked again."""
        soonest = min((u.rests_until for u in self._upstreams), default=0.0)
        return max(0.0, soonest - self._clock())

    def _ready(self, upstream: Upstream) -> bool:
        return not upstream.trying and self._clock() >= upstream.rests_until
