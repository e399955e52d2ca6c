"""What a spec tells of texts: read as training wrote it, refused beyond that before any work is done."""

import tracemalloc
from typing import Any

import pytest

from shuyuan.science.features import base, texts, told

STATE = {"how": "ids", "buckets": 64, "length": 8, "ngrams": [1, 2]}


def spec(state: object = STATE, **more: Any) -> dict[str, Any]:
    return {"features": {"columns": [{"name": "t", "kind": "text", "state": state}]}, **more}


def of(**wrong: object) -> dict[str, Any]:
    return spec({**STATE, **wrong})


BEYOND: dict[str, dict[str, Any]] = {
    "a long row": of(length=300_000_000),
    "no row": of(length=-5),
    "a share of a row": of(length=1.5),
    "many buckets": of(buckets=200_000_000, how="hashed"),
    "no bucket": of(buckets=0),
    "long pieces": of(ngrams=[1, 300]),
    "pieces the wrong way": of(ngrams=[3, 1]),
    "one piece": of(ngrams=[1]),
    "pieces of words": of(ngrams="12"),
    "another way": of(how="eval"),
    "a way of lists": of(how=["ids"]),
    "no state": spec(None),
    "columns of numbers": {"features": {"columns": [1]}},
    "a number of columns": {"features": {"columns": 5}},
    "a column without a name": {"features": {"columns": [{"kind": "text", "state": STATE}]}},
    "vectors of numbers": spec(vectors=[1]),
    "a number of vectors": spec(vectors=7),
    "an empty vector": spec(vectors=[{}]),
    "a vector of another kind": spec(vectors=[{"input": "v", "model": "embed", "kind": ["query"]}]),
    "inputs of numbers": spec(inputs=[1]),
}


@pytest.mark.parametrize("wrong", BEYOND.values(), ids=BEYOND)
def test_what_training_would_not_write_is_refused_at_once(wrong: dict[str, Any]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r".{5,}"):
            told.check(wrong)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("how", ["hashed", "ids", "raw"])
def test_an_encoder_that_was_written_is_read_as_it_was(how: Any) -> None:
    fitted = texts.Text.fit("t", "text", [], base.Options(text=how))
    column = {"name": "t", "kind": "text", "state": fitted.state()}
    made = {"input": "v", "model": "embed", "kind": "passage"}
    whole = {"features": {"columns": [column]}, "vectors": [made], "inputs": [{"name": "t"}]}
    told.check(whole)
    assert told.text(column) == fitted
    assert told.vector(whole) == ("v", "embed", "passage")
    assert told.inputs(whole) == ("t",)


def test_what_tells_nothing_of_texts_passes() -> None:
    told.check({"labels": ["a"], "vectors": 5, "inputs": "mine"})
    told.check({"features": {"columns": [{"name": "n", "kind": "number", "state": {"mean": 0}}]}})
