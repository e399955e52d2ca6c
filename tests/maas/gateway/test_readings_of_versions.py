"""What a brought spec tells of texts is bounded before the gateway reads one by it."""

from typing import Any

import numpy as np
import pytest

from shuyuan.maas.gateway.media.labels import BadSpec
from shuyuan.maas.gateway.text import ownlabels

STATE = {"how": "ids", "buckets": 64, "length": 8, "ngrams": [1, 2]}


def spec(**state: object) -> dict[str, Any]:
    column = {"name": "t", "kind": "text", "state": {**STATE, **state}}
    return {"features": {"columns": [column]}, "inputs": [{"name": "t"}, {"name": "t_mask"}]}


@pytest.mark.parametrize(
    "wrong",
    [
        spec(length=300_000_000),
        spec(length=-5),
        spec(buckets=200_000_000),
        spec(ngrams=[1, 300]),
        spec(how="raw"),
        {"features": {"columns": [1]}},
        {"features": {"columns": 5}},
        {**spec(), "vectors": [{}]},
        {**spec(), "inputs": [1]},
    ],
)
def test_a_spec_that_training_would_not_write_is_a_bad_spec(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadSpec) as told:
        ownlabels.reading(wrong)
    assert (told.value.status, told.value.fix != "") == (409, True)


def test_a_text_becomes_what_the_graph_takes() -> None:
    feeds = ownlabels.reading(spec()).feeds("三角形", None)
    assert {name: array.shape for name, array in feeds.items()} == {"t": (1, 8), "t_mask": (1, 8)}
    assert np.count_nonzero(feeds["t"]) == 5  # three characters and two pairs
