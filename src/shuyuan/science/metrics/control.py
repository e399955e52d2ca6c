"""The shuffled-label control: with labels dealt at random a sound pipeline scores about one half."""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import discrimination, shapes


def shuffled_labels_auc(correct: npt.ArrayLike, p: npt.ArrayLike, seed: int = 0) -> float:
    """AUC after permuting the labels. Far from 0.5 means the scoring itself leaks."""
    labels, scores = shapes.paired(correct, p)
    return discrimination.auc(np.random.default_rng(seed).permutation(labels), scores)
