"""Params survive every way they are stored, and refuse numbers that would break the sign rule."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.science.tracing import online

REAL = st.floats(-5, 5)
POSITIVE = st.floats(0, 5)
STORED = st.builds(
    online.Params,
    bias=REAL,
    general_weight=POSITIVE,
    typical_point=st.builds(online.PointParams, REAL, POSITIVE, POSITIVE),
    points=st.dictionaries(st.text(max_size=8), st.builds(online.PointParams, REAL, POSITIVE, POSITIVE), max_size=5),
    items=st.dictionaries(st.text(max_size=8), REAL, max_size=5),
    guessed=st.frozensets(st.text(max_size=8), max_size=2),
)


@given(STORED)
def test_params_come_back_equal_from_json_and_from_arrays(params: online.Params) -> None:
    assert online.Params.from_dict(json.loads(json.dumps(params.to_dict()))) == params
    assert online.Params.from_arrays(params.to_arrays()) == params


def test_arrays_are_plain_contiguous_numbers_that_safetensors_can_hold() -> None:
    arrays = online.Params(items={"题-1": 0.5}, points={"同类项": online.PointParams()}).to_arrays()
    assert {array.dtype for array in arrays.values()} <= {np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.uint8)}
    assert all(array.flags["C_CONTIGUOUS"] for array in arrays.values())
    assert arrays["points"].shape == (2, 3)


@pytest.mark.parametrize(
    "change",
    [{"wins_weight": -0.1}, {"bias": math.nan}, {"point_variance": -1.0}, {"items": {"q": math.inf}},
     {"points": {"a": online.PointParams(0.0, -0.1, 0.2)}}, {"typical_point": online.PointParams(0.0, 0.1, -0.2)}],
)  # fmt: skip
def test_a_negative_weight_or_a_number_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        online.Params(**change)


def test_a_format_of_another_release_is_refused_with_the_fix() -> None:
    stored = online.Params().to_dict() | {"format": 99}
    with pytest.raises(ValueError, match=r"format 99 is not supported.*refit"):
        online.Params.from_dict(stored)


def test_params_cannot_be_changed_after_they_were_loaded() -> None:
    params = online.Params.from_dict(online.Params(items={"q": 1.0}).to_dict())
    with pytest.raises(TypeError):
        params.items["q"] = 2.0  # type: ignore[index]
    with pytest.raises(AttributeError):
        params.bias = 1.0  # type: ignore[misc]
