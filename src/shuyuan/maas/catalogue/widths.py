"""Do a version's labels fit its graph? Judged from the shapes that an ONNX file declares; nothing is run.

A shape known only at run time is not judged here: the runner looks again when it first loads the graph.
"""

import math
import mmap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import graphs, interface

_LABELLING = frozenset({"classify", "image_classify"})  # tasks that turn scores into labels
_FLOATS = (1, 10, 11, 16)  # TensorProto.DataType: float, float16, double, bfloat16


def check(path: Path, spec: Mapping[str, object], tasks: Collection[str]) -> None:
    """Raise RefusedFile for outputs that are no tensors, BadInput where labels and outputs do not agree."""
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        outputs = graphs.outputs(content)
    for one in outputs:
        if not one.is_tensor:
            raise interface.RefusedFile(
                f"the graph's output {one.name!r} is a list or a map, and only tensors are served",
                fix="export it with tensors alone; skl2onnx: options={'zipmap': False}",
            )
    labels, detector = spec.get("labels"), spec.get("detector")
    if not isinstance(labels, list):
        return
    if isinstance(detector, Mapping):
        _check_detector(outputs, detector, len(labels))
    elif (scores := _scores(outputs, spec.get("output"), tasks)) is not None:
        _compare(scores, _width(scores), len(labels))


def _check_detector(outputs: Sequence[graphs.Output], detector: Mapping[str, object], labels: int) -> None:
    """A grid has five numbers and a score per label in a cell; scores without classes have a column per label."""
    extra = 5 if "grid" in detector else 0
    name = detector.get("grid") or (detector.get("scores") if "classes" not in detector else None)
    found = next((one for one in outputs if one.name == name), None)
    if found is not None and found.sizes is not None and len(found.sizes) >= 3:
        last = found.sizes[-1]
        _compare(found, None if last is None else last - extra, labels)


def _scores(outputs: Sequence[graphs.Output], name: object, tasks: Collection[str]) -> graphs.Output | None:
    """The output that labels belong to: the one named, or the only one; None where nothing says and nothing asks.

    Where no task turns scores into labels, a row of several scores is still meant to have one a label.
    """
    labelling = bool(_LABELLING & set(tasks))
    there = ", ".join(one.name for one in outputs)
    if name is not None:
        found = next((one for one in outputs if one.name == name), None)
        if found is None:
            raise _bad_spec(f"spec.output is {name!r:.80}, and the graph's outputs are {there}", "name one of them")
        return found
    if len(outputs) == 1 and (labelling or _is_a_row_of_scores(outputs[0])):
        return outputs[0]
    if labelling:
        raise _bad_spec(
            f"the graph has {len(outputs)} outputs, {there}, and spec.output does not say which holds the scores",
            f'add "output" to the spec, such as {{"output": "{outputs[-1].name}"}}',
        )
    rows = [one for one in outputs if _is_a_row_of_scores(one)]
    return rows[0] if len(rows) == 1 else None


def _is_a_row_of_scores(output: graphs.Output) -> bool:
    """(rows, several) of floats: not a number a row, nor a table a row."""
    sizes = output.sizes or ()
    return output.element in _FLOATS and len(sizes) == 2 and sizes[1] != 1


def _width(output: graphs.Output) -> int | None:
    """Numbers a row; None: known at run time alone."""
    if output.sizes is None:
        return None
    row = output.sizes[1:] if len(output.sizes) > 1 else output.sizes
    known = [size for size in row if size is not None]
    return math.prod(known) if len(known) == len(row) else None


def _compare(output: graphs.Output, width: int | None, labels: int) -> None:
    if width is None or width == labels:
        return
    raise _bad_spec(
        f"labels: {labels} were given, and output {output.name!r} of the graph has {width} scores a row",
        f"give {max(width, 0)} labels, in the order of the scores, or export the graph with {labels}",
    )


def _bad_spec(what: str, fix: str) -> errors.BadInput:
    return errors.BadInput(what, fix=fix, code="bad_spec")
