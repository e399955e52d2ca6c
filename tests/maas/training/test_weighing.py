"""Weights of rows: two as two rows that are alike, none as no row, in loss and figures; refused where not."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch

from shuyuan.maas.training import task, tasks, weighing

COLUMN = task.Column("w", "number", "weight")
CAN = (
    "tabular_classification", "tabular_regression", "staged_growth", "image_classification", "sequence_classification",
    "text_classification", "transfer", "pseudo_labels",
)  # fmt: skip


def weighed(name: str, weights: Any, rows: list[int] | None = None, **config: Any) -> tuple[task.Work, task.Arrays]:
    """A work and its arrays, of these rows of an example; weights None: no such column."""
    found = tasks.load(name)
    example = found.example(12, 0)
    table = dict(example.table) | ({} if weights is None else {"w": weights})
    work = found.prepare(
        found.CONFIG.model_validate({**example.config, **config}), example.columns, example.table, None
    )
    weighing.apply(work, (*example.columns, COLUMN) if weights is not None else example.columns)
    picked = {key: [values[n] for n in rows] if rows else values for key, values in table.items()}
    return work, work.arrays(picked)


@pytest.mark.parametrize("name", sorted(tasks.TASKS))
def test_a_task_weighs_its_rows_or_says_that_it_cannot(name: str) -> None:
    config: dict[str, Any] = {"from_scratch": True} if name == "transfer" else {}
    assert (name in CAN) == tasks.load(name).WEIGHS, "what is said before a run is queued"
    if name in CAN:
        _, arrays = weighed(name, np.linspace(0, 2, 12), **config)
        np.testing.assert_allclose(arrays[weighing.WEIGHT], np.linspace(0, 2, 12), rtol=1e-6)
        return
    with pytest.raises(task.BadTraining, match="cannot weigh its rows by the column 'w'") as refused:
        weighed(name, np.ones(12))
    assert "ignore" in refused.value.fix


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("tabular_regression", {}),
        ("tabular_classification", {}),
        ("tabular_classification", {"class_weights": "balanced", "label_smoothing": 0.1}),
        ("text_classification", {}),
    ],
)
def test_a_weight_of_two_is_as_two_rows_and_of_none_as_no_row(name: str, config: dict[str, Any]) -> None:
    work, arrays = weighed(name, [2.0, 0.0, 0.5] + [1.0] * 8 + [0.5], **config)
    _, repeated = weighed(name, None, [0, 0, 0, 0, 2, *(2 * [*range(3, 11)]), 11], **config)
    torch.manual_seed(0)
    net = work.net().eval()
    (first, outputs), (second, others) = (judged(work, net, one) for one in (arrays, repeated))
    assert first == pytest.approx(second, rel=1e-5)
    assert work.figures(outputs, arrays) == pytest.approx(work.figures(others, repeated), rel=1e-5)


def judged(work: task.Work, net: Any, arrays: task.Arrays) -> tuple[float, dict[str, task.Array]]:  # Any: a module
    """The mean loss of a net, and what it gives."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    with torch.no_grad():
        outputs = work.outputs(net, tensors)
        loss = work.loss_of(outputs, tensors)
    return float(loss.total) / float(loss.weight), {
        name: one.numpy() for name, one in zip(work.OUTPUTS, outputs, strict=True)
    }


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0] * 11 + [float("nan")], "no number in 1 of 12 rows"),
        ([1.0] * 11 + [-1.0], "goes from -1 to 1"),
        ([0.0] * 12, "goes from 0 to 0"),
        (["much"] * 12, "holds what is no number"),
        ([None] * 12, "no number in 12 of 12"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights: list[Any], said: str) -> None:
    with pytest.raises(task.BadTraining, match=said):
        weighed("tabular_classification", weights)


@pytest.mark.parametrize("weights", [[0.0] * 12, [None] * 12])
def test_a_held_part_of_such_weights_counts_its_rows_alike_and_says_so(weights: list[Any]) -> None:
    table, note = weighing.of_held([COLUMN], {"x": np.arange(12), "w": weights})
    assert list(table) == ["x"]
    assert "'w'" in note
    assert note.endswith("so its rows count alike")
    fine = {"w": np.ones(12)}
    assert weighing.of_held([COLUMN], fine) == (fine, "")


def test_two_columns_of_weights_are_refused() -> None:
    with pytest.raises(task.BadTraining, match="2 columns have the role 'weight': a, b"):
        weighing.apply(task.Work(), [task.Column(name, "number", "weight") for name in "ab"])
