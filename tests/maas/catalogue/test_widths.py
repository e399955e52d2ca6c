"""Labels against the shapes that a graph declares."""

from pathlib import Path

import pytest
from tests.maas.catalogue import model_files as files

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface, specs, widths
from shuyuan.maas.runners import graph


def shaped(*outputs: tuple[str, tuple[int | str, ...]]) -> bytes:
    """A graph that gives its input again, under these names and said to be of these shapes."""
    made = graph.Graph("shaped")
    x = made.input("x", "float32", ("rows", 3))
    for name, shape in outputs:
        made.output(made.node("Identity", [x], name), "float32", shape)
    return made.to_bytes()


def judge(folder: Path, content: bytes, spec: dict[str, object]) -> None:
    path = folder / "model.onnx"
    path.write_bytes(content)
    widths.check(path, spec, specs.tasks_of("onnx", (), spec))


ONE, TWO = shaped(("y", ("rows", 3))), shaped(("a", ("rows",)), ("b", ("rows", 3)))
GRID = shaped(("g", ("rows", 4, 4, 8)))


@pytest.mark.parametrize(
    ("content", "labels", "spec", "says"),
    [
        (ONE, 2, {}, "2 were given, and output 'y' of the graph has 3 scores"),
        (TWO, 2, {}, "2 were given, and output 'b' of the graph has 3 scores"),
        (TWO, 2, {"output": "b"}, "2 were given, and output 'b' of the graph has 3 scores"),
        (TWO, 3, {"output": "c"}, "the graph's outputs are a, b"),
        (TWO, 3, {"image": {"size": [1, 3]}}, "spec.output does not say which"),
        (GRID, 2, {"detector": {"grid": "g"}}, "2 were given, and output 'g' of the graph has 3 scores"),
        (shaped(("y", ("rows", 1, 3))), 4, {"image": {"size": [1, 3]}}, "4 were given"),
        (shaped(("y", (3,))), 4, {"image": {"size": [1, 3]}}, "4 were given"),
    ],
)
def test_labels_that_do_not_fit_the_graph_are_refused_with_both_numbers(
    tmp_path: Path, content: bytes, labels: int, spec: dict[str, object], says: str
) -> None:
    with pytest.raises(errors.BadInput, match=says) as refused:
        judge(tmp_path, content, {"labels": [str(n) for n in range(labels)], **spec})
    assert (refused.value.error_code, bool(refused.value.fix)) == ("bad_spec", True)


@pytest.mark.parametrize(
    ("content", "spec"),
    [
        (ONE, {}),
        (TWO, {}),
        (GRID, {"detector": {"grid": "g"}}),
        (shaped(("y", ("rows", "scores"))), {}),
        (shaped(("tags", ("rows", 4, 5))), {}),  # a table a row: what labels mean there is not known here
        (shaped(("yes", ("rows", 1))), {}),
    ],
)
def test_labels_that_fit_or_of_which_the_file_says_nothing_are_taken(
    tmp_path: Path, content: bytes, spec: dict[str, object]
) -> None:
    judge(tmp_path, content, {"labels": ["0", "1", "2"], **spec})


def test_a_graph_that_gives_a_map_is_refused_with_the_way_to_export_it(tmp_path: Path) -> None:
    given = files.field(1, b"scores") + files.field(2, files.field(4, files.field(1, b"")))  # a sequence
    with pytest.raises(interface.RefusedFile, match="'scores' is a list or a map") as refused:
        judge(tmp_path, files.graph(output=given), {})
    assert "zipmap" in refused.value.fix
