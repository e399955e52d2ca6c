"""How well labels were given: macro F1, in which a rare label counts as much as a common one."""

from collections.abc import Sequence


def macro_f1(gold: Sequence[str], said: Sequence[str]) -> float:
    """The mean over all labels of `gold` of the harmonic mean of precision and recall.

    >>> round(macro_f1(["a", "a", "b"], ["a", "b", "b"]), 3)
    0.667
    """
    if not gold or len(gold) != len(said):
        raise ValueError(f"gold and said must be equally long and not empty, got {len(gold)} and {len(said)}")
    scores = []
    for label in sorted(set(gold)):
        hits = sum(a == label == b for a, b in zip(gold, said, strict=True))
        named = sum(a == label for a in gold) + sum(b == label for b in said)
        scores.append(2 * hits / named)
    return sum(scores) / len(scores)
