"""How the learning rate changes over a run: a share of the highest rate, from the step alone, so nothing is kept."""

import math

from shuyuan.maas.training.options import Config

_FIRST_SHARE, _LAST_SHARE, _CLIMB = 1 / 25, 1 / 25e4, 0.3  # of one_cycle. Source: Smith & Topin (2019), as in torch


def factor(config: Config, step: int, steps: int, per_epoch: int) -> float:
    """In (0, 1] for step 0, 1, … of `steps`. Warm-up is a straight climb before whichever schedule follows.

    >>> [factor(Config(schedule="cosine"), step, 4, 1) for step in range(4)]
    [1.0, 0.8535533905932737, 0.5, 0.14644660940672627]
    """
    climb = round(config.warm_up * steps)
    if step < climb:
        return (step + 1) / (climb + 1)
    done = (step - climb) / max(steps - climb, 1)
    match config.schedule:
        case "constant":
            return 1.0
        case "step":
            return float(config.step_factor ** (step // (config.step_every * per_epoch)))
        case "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        case "one_cycle":
            return _one_cycle(step - climb, steps - climb)


def _one_cycle(step: int, steps: int) -> float:
    """Up along a cosine for the first share, down along another to almost nothing."""
    top = _CLIMB * steps - 1
    if step <= top:
        return _between(_FIRST_SHARE, 1.0, step / top if top > 0 else 1.0)
    return _between(1.0, _LAST_SHARE, (step - top) / max(steps - 1 - top, 1))


def _between(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
