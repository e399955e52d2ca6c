"""Does a file answer as the net it was made from? Child processes and tests; works on anything that gives arrays."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shuyuan.maas.conversion import interface

Array = NDArray[Any]  # of whatever type the graph takes
TOLERANCE = 1e-4


def largest_difference(
    file: Path | bytes, feeds: Mapping[str, Array], answer: Callable[[Mapping[str, Array]], Sequence[Array]]
) -> float:
    """Between the outputs of an ONNX file and what the source answers, relative to 1 or to the answer's size.

    Raises RefusedModel when number or shape of the outputs differ, or one of them is no number.
    """
    source = file if isinstance(file, bytes) else str(file)
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    found, wanted = session.run(None, dict(feeds)), list(answer(feeds))
    if [one.shape for one in found] != [one.shape for one in wanted]:
        raise interface.RefusedModel(
            f"outputs of {[list(one.shape) for one in found]}, the source gives {[list(one.shape) for one in wanted]}",
            fix="export the model again",
        )
    largest = 0.0
    for ours, theirs in zip(found, wanted, strict=True):
        scale = np.maximum(1.0, np.abs(theirs.astype(np.float64)))
        largest = max(largest, float((np.abs(ours.astype(np.float64) - theirs) / scale).max(initial=0.0)))
    if not np.isfinite(largest):
        raise interface.RefusedModel("an output is no number", fix="export the model again")
    return largest


def require_same(
    file: Path | bytes,
    feeds: Mapping[str, Array],
    answer: Callable[[Mapping[str, Array]], Sequence[Array]],
    tolerance: float = TOLERANCE,
) -> float:
    """`largest_difference`, refused above `tolerance`."""
    found = largest_difference(file, feeds, answer)
    if found > tolerance:
        raise interface.RefusedModel(
            f"the ONNX file differs by {found:.2g} from its source, {tolerance:g} is allowed", fix="export it again"
        )
    return found
