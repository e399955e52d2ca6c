"""Columns become arrays: the same at training and serving, whatever comes that train did not have."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shuyuan.science.features import BadColumn, Features, Options


def picture(shade: int, size: tuple[int, int] = (6, 4), mode: str = "L") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, shade if mode == "L" else (shade, 0, 0)).save(out, "PNG")
    return out.getvalue()


TABLE: dict[str, list[object]] = {
    "n": [1.0, 2.0, None, 4.0],
    "i": [10, 20, 30, 40],
    "b": [True, False, True, None],
    "c": ["x", "y", "x", None],
    "who": [7, 8, 7, 9],
    "t": ["线性方程", "linear equation", "", "方程"],
    "at": ["2026-09-01T08:00:00", "2026-09-02", None, "2026-09-03T20:30:00+08:00"],
    "p": [picture(0), picture(255), picture(128), picture(64)],
    "s": [[5, 6], [7], [], [5, 5, 5]],
    "y": ["no", "yes", "yes", None],
}
KINDS = {
    "n": "number",
    "i": "integer",
    "b": "boolean",
    "c": "category",
    "who": "identifier",
    "t": "text",
    "at": "time",
    "p": "image",
    "s": "sequence",
}
SCHEMA = [
    *({"name": name, "kind": kind} for name, kind in KINDS.items()),
    {"name": "y", "kind": "category", "role": "label"},
]


def fit(name: str, values: object, kind: str, **options: object) -> Features:
    return Features.fit({name: values}, [{"name": name, "kind": kind}], options)  # type: ignore[dict-item]


def test_every_kind_gives_what_it_says_it_gives() -> None:
    fitted = Features.fit(TABLE, SCHEMA)
    arrays = fitted.transform(TABLE)
    assert list(arrays) == [one.name for one in fitted.inputs]
    for one in fitted.inputs:
        assert arrays[one.name].shape == (4, *one.shape)
        assert str(arrays[one.name].dtype) == one.dtype
    assert len(fitted.dense_names) == arrays["features"].shape[1]
    assert np.isfinite(arrays["features"]).all()
    assert np.isfinite(arrays["p"]).all()


def test_all_of_it_survives_json() -> None:
    fitted = Features.fit(TABLE, SCHEMA)
    text = json.dumps(fitted.to_json(), allow_nan=False)
    again = Features.from_json(text)
    assert again == fitted
    for name, array in fitted.transform(TABLE).items():
        np.testing.assert_array_equal(again.transform(TABLE)[name], array)
    np.testing.assert_array_equal(again.encode_label(TABLE), [0, 1, 1, -1])


def test_a_missing_number_is_the_median_of_train_with_an_indicator() -> None:
    fitted = fit("n", [1.0, 3.0, 8.0, None], "number")
    dense = fitted.transform({"n": [None, float("nan"), float("inf"), 3.0, "3"]})["features"]
    assert dense[:, 1].tolist() == [1, 1, 1, 0, 0]
    assert len(set(dense[:, 0].tolist())) == 1


def test_numbers_are_standardised_and_a_constant_one_does_not_divide_by_nothing() -> None:
    values = np.array([2.0, 4.0, 6.0])
    scaled = fit("n", values, "number").transform({"n": values})["features"][:, 0]
    np.testing.assert_allclose([scaled.mean(), scaled.std()], [0, 1], atol=1e-6)
    assert fit("n", [5, 5], "integer").transform({"n": [5, 6]})["features"][:, 0].tolist() == [0, 1]


def test_what_train_did_not_have_is_index_0() -> None:
    index = fit("c", ["b", "a", "b"], "category", category="index")
    assert index.transform({"c": ["a", "b", "z", None]})["c"].tolist() == [1, 2, 0, 0]
    assert index.sizes == {"c": 3}
    hot = fit("c", ["b", "a"], "category").transform({"c": ["z", "a"]})["features"]
    assert hot.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_numbers_and_words_of_the_same_look_are_the_same_category() -> None:
    fitted = fit("who", [3, 10, 2], "identifier")
    assert fitted.transform({"who": ["2", 3.0, np.int64(10)]})["who"].tolist() == [1, 2, 3]


def test_only_the_most_frequent_categories_are_known() -> None:
    fitted = fit("c", ["a", "b", "b", "c", "c"], "category", max_categories=2)
    assert fitted.dense_names == ("c unknown", "c=b", "c=c")


def test_the_order_of_rows_does_not_matter() -> None:
    one, other = fit("c", list("badc"), "category"), fit("c", list("abcd"), "category")
    assert one == other


def test_similar_texts_lie_nearer_than_others() -> None:
    fitted = fit("t", ["a"], "text")
    rows = fitted.transform({"t": ["解一元一次方程", "解一元二次方程", "The French Revolution", ""]})["features"]
    near, far = rows[0] @ rows[1], rows[0] @ rows[2]
    assert near > 0.5 > far
    np.testing.assert_allclose(np.linalg.norm(rows[:3], axis=1), 1, atol=1e-5)
    assert not rows[3].any()


def bucket(gram: str, buckets: int) -> int:
    """The hash once more, in plain whole numbers."""
    code = len(gram)
    for letter in gram:
        code = (code ^ ord(letter)) * 0x9E3779B97F4A7C15 % 2**64
        code ^= code >> 29
    return (code * 0xBF58476D1CE4E5B9 % 2**64 >> 16) % buckets


def test_the_hash_of_a_text_is_the_same_on_every_machine() -> None:
    text = "方程 ab"
    found = fit("t", ["a"], "text", text_buckets=32).transform({"t": [text]})["features"][0]
    grams = [text[at : at + size] for size in (1, 2, 3) for at in range(len(text) - size + 1)]
    assert np.flatnonzero(found).tolist() == sorted({bucket(gram, 32) for gram in grams})
    assert bucket("方程", 1024) == 219


def test_width_and_case_of_letters_do_not_matter() -> None:
    rows = fit("t", ["a"], "text").transform({"t": ["ＡＢＣ", "abc"]})["features"]
    np.testing.assert_array_equal(rows[0], rows[1])


def test_buckets_of_a_text_come_in_order_with_a_mask() -> None:
    fitted = fit("t", ["a"], "text", text="ids", text_length=4, ngrams=[1, 1])
    arrays = fitted.transform({"t": ["abcdef", "ab", ""]})
    assert arrays["t_mask"].sum(1).tolist() == [4, 2, 0]
    assert arrays["t"][0, :2].tolist() == arrays["t"][1, :2].tolist()
    assert arrays["t"].max() < fitted.sizes["t"]


def test_raw_text_is_kept_for_tasks_that_embed_it_and_is_no_input_of_a_graph() -> None:
    fitted = fit("t", ["a"], "text", text="raw")
    assert fitted.transform({"t": ["Ab ", None]})["t"].tolist() == ["Ab ", ""]
    assert fitted.inputs == ()


def test_times_are_the_same_however_they_are_written() -> None:
    moment = datetime(2026, 9, 3, 12, 30, tzinfo=UTC)
    fitted = fit("at", ["2026-09-01", "2026-09-05"], "time")
    same = ["2026-09-03T20:30:00+08:00", "2026-09-03 12:30:00", moment, moment.timestamp()]
    rows = fitted.transform({"at": same})["features"]
    assert (rows == rows[0]).all()
    typed = fitted.transform({"at": np.array(["2026-09-03T12:30", "NaT"], "datetime64[ms]")})["features"]
    np.testing.assert_array_equal(typed[0], rows[0])
    assert typed[1, 1] == 1


def test_pictures_come_in_one_size_and_a_missing_one_is_grey() -> None:
    fitted = fit("p", [picture(0), picture(255, (12, 8))], "image")
    found = fitted.transform({"p": [picture(255, (3, 3)), None]})["p"]
    assert found.shape == (2, 1, 4, 6)
    assert found[0].min() > 0
    assert not found[1].any()
    colour = fit("p", [picture(9, mode="RGB")], "image", image=[5, 7])
    assert colour.inputs[0].shape == (3, 5, 7)


def test_sequences_are_padded_and_cut_and_the_mask_tells_padding_from_the_unknown() -> None:
    fitted = fit("s", [["a", "b"], ["c"]], "sequence")
    arrays = fitted.transform({"s": [["a", "z", "b"], None, "c"]})
    assert arrays["s"].tolist() == [[1, 0], [0, 0], [3, 0]]
    assert arrays["s_mask"].tolist() == [[True, True], [False, False], [True, False]]
    last = fit("s", [["a", "b"], ["c"]], "sequence", sequence_keep="last")
    assert last.transform({"s": [["a", "z", "b"]]})["s"].tolist() == [[0, 2]]


def test_labels_are_in_the_order_of_numbers_and_unseen_ones_are_minus_one() -> None:
    schema = [{"name": "y", "kind": "integer", "role": "label"}]
    fitted = Features.fit({"y": [10, 9, 2]}, schema)
    assert fitted.labels == ("2", "9", "10")
    assert fitted.encode_label({"y": [2, 10, 11, None]}).tolist() == [0, 2, -1, -1]
    value = Features.fit({"y": [1.5, 2.5]}, [{"name": "y", "kind": "number", "role": "label"}])
    assert value.labels == ()
    assert value.encode_label({"y": [2.5]}).dtype == np.float32


def test_columns_that_are_no_features_are_left_out() -> None:
    schema = [{"name": "n", "kind": "number", "role": role} for role in ("person", "time", "weight", "ignore")]
    assert Features.fit(TABLE, schema).inputs == ()


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        (["1", "abc"], "number", "'abc', not a number"),
        (["yesterday"], "time", "not a time"),
        ([b"no picture"], "image", "does not open"),
        ([picture(1)[:40]], "image", "does not open"),
        (["a word"], "image", "not a picture"),
        ([5], "sequence", "not a sequence"),
        ([1], "colour", "not known"),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_named(values: list[object], kind: str, said: str) -> None:
    with pytest.raises(BadColumn, match=said):
        fit("column", values, kind).transform({"column": values})


def test_a_missing_column_two_labels_and_an_unknown_option_are_refused() -> None:
    with pytest.raises(BadColumn, match="no column 'n'"):
        fit("n", [1.0], "number").transform({"m": [1.0]})
    two = [{"name": name, "kind": "category", "role": "label"} for name in ("y", "c")]
    with pytest.raises(BadColumn, match="2 labels"):
        Features.fit(TABLE, two)
    with pytest.raises(BadColumn, match="no option 'colour'"):
        fit("n", [1.0], "number", colour=1)
    with pytest.raises(BadColumn, match="format 99"):
        Features.from_json({"format": 99})


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    bomb = picture(0, (10_000, 6_000))
    with pytest.raises(BadColumn, match="make it smaller"):
        fit("p", [bomb], "image")


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(2**60), 2**60)), min_size=1, max_size=20))
def test_whatever_numbers_come_the_result_is_finite(values: list[float | None]) -> None:
    fitted = fit("n", values[:3], "number")
    assert np.isfinite(fitted.transform({"n": values})["features"]).all()


@given(st.lists(st.text(max_size=30), max_size=6))
def test_whatever_text_comes_every_row_is_hashed_alone(texts: list[str]) -> None:
    fitted = Features.fit({"t": ["a"]}, [{"name": "t", "kind": "text"}], Options(text_buckets=64))
    together = fitted.transform({"t": texts})["features"]
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(row, fitted.transform({"t": [text]})["features"][0])


def test_it_imports_nothing_heavy() -> None:
    heavy = ("PIL", "polars", "torch", "pandas", "pydantic")
    asked = f"import sys, shuyuan.science.features; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
