"""A real ONNX graph for tests: `y = x @ weights`."""

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import graph


def linear(weights: NDArray[np.float32]) -> bytes:
    """A model file with input `x` (rows, inputs) and output `y` (rows, outputs)."""
    inputs, outputs = weights.shape
    made = graph.Graph("linear")
    given = [made.input("x", "float32", ("rows", inputs)), made.constant("w", weights)]
    made.output(made.node("MatMul", given, "y"), "float32", ("rows", outputs))
    return made.to_bytes()
