"""Minimise a smooth function: limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.5) with backtracking."""

from collections import deque
from collections.abc import Callable

from shuyuan.science.tracing.interactions import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
MEMORY = 15  # pairs of (step, change of gradient) kept
SUFFICIENT = 1e-4  # Armijo: share of the promised decrease that must be kept
SHORTEST_STEP = 1e-10


def minimise(objective: Objective, start: Floats, *, steps: int = 100, tolerance: float = 1e-7) -> Floats:
    """Where `objective` (value and gradient) stops falling by more than `tolerance`, relative.

    >>> import numpy as np
    >>> minimise(lambda x: (float(((x - 3) ** 2).sum()), 2 * (x - 3)), np.zeros(2)).round(6).tolist()
    [3.0, 3.0]
    """
    x = start
    value, gradient = objective(x)
    pairs: deque[tuple[Floats, Floats]] = deque(maxlen=MEMORY)
    for _ in range(steps):
        direction = _direction(gradient, pairs)
        length = 1.0
        promised = -float(gradient @ direction)
        while True:
            moved = x + length * direction
            new_value, new_gradient = objective(moved)
            if new_value <= value - SUFFICIENT * length * promised:
                break
            length /= 2
            if length < SHORTEST_STEP:
                return x
        change = (moved - x, new_gradient - gradient)
        if float(change[0] @ change[1]) > 0:
            pairs.append(change)
        done = value - new_value <= tolerance * abs(value)
        x, value, gradient = moved, new_value, new_gradient
        if done:
            break
    return x


def _direction(gradient: Floats, pairs: deque[tuple[Floats, Floats]]) -> Floats:
    """Minus the inverse Hessian estimate times the gradient, by the two-loop recursion."""
    q, weights = gradient.copy(), []
    for step, change in reversed(pairs):
        weight = float(step @ q) / float(change @ step)
        weights.append(weight)
        q -= weight * change
    if pairs:
        step, change = pairs[-1]
        q *= float(step @ change) / float(change @ change)
    for (step, change), weight in zip(pairs, reversed(weights), strict=True):
        q += (weight - float(change @ q) / float(change @ step)) * step
    return -q
