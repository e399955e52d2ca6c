"""scikit-learn estimators as ONNX, in the Python of whoever trained them: the estimator is an object, never a file.

    from shuyuan.maas.conversion import from_sklearn
    open("model.onnx", "wb").write(from_sklearn(pipeline, x_train[:100]))

Needs skl2onnx and onnxruntime there (`pip install skl2onnx onnxruntime`). Answers of both are compared on the example.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.conversion import interface

_OPSET = 17
_TOLERANCE = 1e-3
_SHARE_DIFFERENT = 0.01  # of rows: a tree may fall on the other side where float32 and float64 differ


def from_sklearn(estimator: Any, example: NDArray[Any], *, check: bool = True) -> bytes:  # Any: scikit-learn's own
    """The ONNX file of a fitted estimator or pipeline. example: some rows (n, features) as it was trained on.

    Input `x` float32 (rows, features). A classifier gives `label` and `probabilities`, a regressor `value`.
    Raises RefusedModel when it cannot be converted, or answers differently (check=False skips that).
    """
    if isinstance(estimator, str | bytes):
        raise interface.RefusedModel(
            "from_sklearn takes the estimator itself, not a file", fix="load it where you trained it"
        )
    try:
        from skl2onnx import to_onnx
    except ImportError as missing:
        raise interface.RefusedModel(
            "skl2onnx is not installed in this Python", fix=f"{sys.executable} -m pip install skl2onnx onnxruntime"
        ) from missing
    rows = np.asarray(example, np.float32)
    if rows.ndim != 2 or not len(rows):
        raise interface.RefusedModel(f"an example of shape {rows.shape}", fix="give some rows: (n, features)")
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    try:
        model = to_onnx(estimator, rows[:1], options=options, target_opset={"": _OPSET, "ai.onnx.ml": 3})
    except Exception as wrong:  # skl2onnx raises classes of its own, and others
        raise interface.RefusedModel(
            f"{type(estimator).__name__} cannot be converted: {wrong}"[:400], fix="use an estimator that skl2onnx knows"
        ) from wrong
    names = ("label", "probabilities") if hasattr(estimator, "predict_proba") else ("value",)
    content = _renamed(model, names)
    if check:
        _compare(estimator, rows, content)
    return content


def _renamed(model: Any, names: tuple[str, ...]) -> bytes:  # Any: a ModelProto
    """Input `x` and outputs as documented, whatever the converter called them."""
    graph = model.graph
    new = {graph.input[0].name: "x"} | {port.name: name for port, name in zip(graph.output, names, strict=False)}
    for port in (*graph.input, *graph.output):
        port.name = new.get(port.name, port.name)
    for node in graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = new.get(name, name)
        for at, name in enumerate(node.output):
            node.output[at] = new.get(name, name)
    return bytes(model.SerializeToString())


def _compare(estimator: Any, rows: NDArray[np.float32], content: bytes) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    output = "probabilities" if hasattr(estimator, "predict_proba") else "value"
    (found,) = session.run([output], {"x": rows})
    wanted = estimator.predict_proba(rows) if output == "probabilities" else estimator.predict(rows)
    far = np.abs(np.asarray(found, np.float64).reshape(len(rows), -1) - np.asarray(wanted).reshape(len(rows), -1))
    scale = np.maximum(1.0, np.abs(np.asarray(wanted).reshape(len(rows), -1)))
    different = float(((far / scale).max(axis=1) > _TOLERANCE).mean())
    if different > _SHARE_DIFFERENT:
        raise interface.RefusedModel(
            f"the ONNX file answers differently on {different:.0%} of the example's rows",
            fix="train on float32 numbers, or give check=False and judge it by an evaluation",
        )
