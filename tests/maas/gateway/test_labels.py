"""A version's spec of pictures: outputs become labels and boxes, what is left out is named."""

import json
from typing import Any

import numpy as np
import pytest

from shuyuan.maas.gateway.media import labels

SPEC = {"labels": ["0", "1"], "image": {"size": [10, 20], "channels": 1}}


def test_a_grid_of_cells_becomes_boxes() -> None:
    """One cell of two rows and two columns is sure of a `1` in its middle, half as wide and as high as the input."""
    cells = np.zeros((1, 2, 2, 7), np.float32)
    cells[0, 1, 0] = [0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 1.0]
    spec = {**SPEC, "detector": {"grid": "g"}}
    (found,) = labels.detections(spec, {"g": cells}, None)
    assert (found.label, round(found.score, 3), found.box) == ("1", 0.9, (0.0, 0.5, 0.5, 1.0))


def test_scores_with_a_column_for_each_label_need_no_classes() -> None:
    outputs = {"b": np.array([[[0, 0, 0.5, 1]]], np.float32), "s": np.array([[[0.2, 0.8]]], np.float32)}
    spec = {**SPEC, "detector": {"boxes": "b", "scores": "s", "units": "relative"}}
    (found,) = labels.detections(spec, outputs, None)
    assert (found.label, found.box) == ("1", (0.0, 0.0, 0.5, 1.0))
    assert labels.detections({**spec, "detector": {"boxes": "b", "scores": "s", "threshold": 0.9}}, outputs, None) == []


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({}, "spec.image|labels"),
        ({"labels": ["a"], "image": {"size": [1]}}, "image"),
        ({"labels": ["a"], "image": {"size": [4, 5000]}}, "sides of 1 to 2048"),
        ({"labels": ["a"], "image": {"size": [4, 4], "channels": 3, "mean": [1, 2]}}, "mean and std of 3 numbers"),
        ({**SPEC, "detector": {"boxes": "b", "scores": "z"}}, "no output 'z'"),
        ({**SPEC, "detector": {"grid": "b"}}, "grid of shape"),
        (SPEC, "detector"),
    ],
)
def test_a_spec_that_leaves_something_out_is_named(spec: dict[str, Any], named: str) -> None:
    outputs = {"b": np.zeros((3, 4), np.float32), "s": np.zeros(2, np.float32)}
    with pytest.raises(labels.BadSpec) as refused:
        labels.detections(spec, outputs, None)
    assert any(part in f"{refused.value.message} {refused.value.fix}" for part in named.split("|")), json.dumps(spec)
