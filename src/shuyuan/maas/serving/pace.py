"""How fast a model's line moves: the time between two finished items, as a moving mean."""

_WEIGHT = 0.1  # of the newest gap
_TURN_S = 0.001  # what ends closer together came out of one pass


class Pace:
    """Times in seconds on one clock; `gap_s` is 0 until something has finished."""

    def __init__(self) -> None:
        self.gap_s = 0.0
        self._ended_at = self._since = self._before_s = 0.0
        self._together = 0  # items since `_since`

    def note(self, items: int, started: float, now: float) -> None:
        """A call of so many items, begun at `started`, has just finished.

        Answers of one pass come in one turn of the loop: the time since the turn before belongs to all of them.
        """
        if now - self._ended_at > _TURN_S:
            self._since, self._together, self._before_s = max(self._ended_at, started), 0, self.gap_s
        self._together += items
        self._ended_at = now
        newest_s = (now - self._since) / self._together
        self.gap_s = self._before_s + _WEIGHT * (newest_s - self._before_s) if self._before_s else newest_s
