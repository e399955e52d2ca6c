"""New items: no fit meets a fifth; a text that tells how hard an item is helps, of one that does not it is said."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shuyuan.science.tracing import comparing, comparing_child, comparingnew, interchange
from shuyuan.science.tracing.interactions import Answer

ITEMS, LEARNERS = 60, 50
HARD = ("add", "subtract", "multiply", "divide", "factorise")  # harder from word to word


def difficulty(item: int) -> float:
    return 1.5 * (item % len(HARD) - 2)


def answers() -> list[Answer]:
    """Of learners who answer every item once."""
    rng = random.Random(7)
    found = []
    for who in range(LEARNERS):
        ability = rng.gauss(0, 1)
        for at, item in enumerate(rng.sample(range(ITEMS), ITEMS)):
            chance = 1 / (1 + math.exp(difficulty(item) - ability))
            found.append(Answer(f"l{who}", f"q{item}", (f"p{item % 4}",), rng.random() < chance, 60.0 * at))
    return found


TABLE = comparing.table_of(answers())
ORDER = comparing.Order(("kalman",), seed=3, control=False, new_items=True)
TELLING = {f"q{item}": f"{HARD[item % len(HARD)]} what stands on line {item}" for item in range(ITEMS)}
SILENT = {f"q{item}": f"{HARD[item * 7 % 11 % 5]} what stands on line {item}" for item in range(ITEMS)}


def said(texts: Mapping[str, str], differ: Mapping[str, int] | None = None) -> comparingnew.Texts:
    return comparingnew.Texts.of(interchange.Said(dict(texts), dict(differ or {})))


def compared(
    texts: Mapping[str, str], order: comparing.Order = ORDER, differ: Mapping[str, int] | None = None
) -> dict[str, Any]:  # Any: JSON
    return comparing.compare(TABLE, order, texts=said(texts, differ))


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:  # Any: JSON
    told: list[str] = []
    order = ORDER._replace(models=("kalman", "elo"))
    tell = lambda stage, model, done: told.append(stage)  # noqa: E731
    result = comparing.compare(TABLE, order, tell, said(TELLING))
    assert told == ["fit", "control", "new"] * 2
    assert order.stages == len(told)
    return result


def test_a_text_that_tells_how_hard_an_item_is_helps_where_nobody_answered_it(found: dict[str, Any]) -> None:
    told = found["models"]["kalman"]["new_items"]
    text = told["by_text"]
    assert text["helps"]
    assert text["low"] < text["difference"] < text["high"] < 0
    assert text["difference"] == pytest.approx(text["log_loss"] - text["average_log_loss"])
    assert text["auc_low"] < text["auc"] < text["auc_high"]
    assert text["auc"] > told["auc"] == text["average_auc"]  # every hidden item has a text
    assert found["models"]["elo"]["new_items"]["by_text"] is None
    assert found["models"]["elo"]["new_items"]["low"] > 0


def test_what_was_hidden_and_by_what_it_was_read_stands_in_protocol_and_rows(found: dict[str, Any]) -> None:
    told = found["protocol"]
    assert told["new_items"].items() >= {"share": 0.2, "items": 12, "of_items": 60, "answers": 120}.items()
    assert told["new_items"]["texts"].items() >= {"known_items": 48, "hidden_items": 12, "answers": 120}.items()
    assert (told["new_items"]["vectors"], told["new_items"]["not_read"]) == ("words", None)
    assert told["test_readings"] == 5  # two models, each again on hidden items, one of them by text as well
    flat = {(model, figure): value for model, figure, value in comparing.rows(found)}
    assert (flat["kalman", "hidden item by text: high"] or 0) < 0
    assert flat["kalman", "hidden item by text: helps"] == 1
    assert ("elo", "hidden item: auc") in flat
    assert ("elo", "hidden item by text: high") not in flat


def test_a_text_that_tells_nothing_is_not_said_to_help() -> None:
    text = compared(SILENT)["models"]["kalman"]["new_items"]["by_text"]
    assert not text["helps"]
    assert text["high"] > 0


def test_the_net_reads_texts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    recurrent = pytest.importorskip("shuyuan.science.tracing.neural.recurrent")
    monkeypatch.setattr(recurrent, "suited", lambda answers: replace(recurrent.RECIPE, epochs=1))
    parts = comparing.split(TABLE, 3)
    hidden = comparingnew.hide(parts.fit, parts.validation, parts.test, 3, said(TELLING))
    assert comparingnew.judge("recurrent", hidden, 3)["by_text"]["helps"]


@pytest.mark.parametrize(
    ("texts", "differ", "why"),
    [
        ({}, {}, "none"),
        ({}, {"q1": 7}, "differ"),
        ({f"q{item}": "one" for item in range(9)}, {}, "few_items"),
        ({f"q{item}": "one" for item in range(30)}, {"q31": 7}, "few_answers"),
    ],
)
def test_without_texts_to_read_by_hidden_items_are_average_ones_and_it_says_why(
    texts: Mapping[str, str], differ: Mapping[str, int], why: str
) -> None:
    found = compared(texts, ORDER._replace(models=("rasch",)), differ)
    assert found["protocol"]["new_items"]["not_read"] == why
    assert found["protocol"]["new_items"]["texts"]["differ_at"] == differ
    assert found["models"]["rasch"]["new_items"]["auc"] == 0.5  # item difficulty alone says the same of all


def test_a_meaning_that_is_known_is_read_beside_the_words_and_counted(tmp_path: Path) -> None:
    meaning = {f"q{item}": np.asarray([difficulty(item), 1.0], np.float32) for item in range(1, ITEMS)}
    comparingnew.write_meaning(tmp_path, meaning)
    read = comparingnew.read_meaning(tmp_path)
    assert {key: vector.tolist() for key, vector in read.items()} == {key: one.tolist() for key, one in meaning.items()}
    texts = comparingnew.Texts.of(interchange.Said(SILENT, {}), read)
    assert (texts.by_meaning, texts.vectors[texts.places["q0"], -2:].tolist()) == (ITEMS - 1, [0.0, 0.0])
    found = comparing.compare(TABLE, ORDER, texts=texts)
    assert found["models"]["kalman"]["new_items"]["by_text"]["helps"]
    assert found["protocol"]["new_items"]["vectors"] == "words and a sentence encoder"
    with (tmp_path / comparing_child.ANSWERS).open("w", newline="") as file:
        interchange.write_csv(answers(), file, SILENT.__getitem__)
    assert comparing_child._read(tmp_path, ORDER)[1].by_meaning == ITEMS - 1
    assert not list(tmp_path.iterdir())


def test_no_fit_meets_a_hidden_item_nor_a_point_that_only_such_an_item_names() -> None:
    rows = [*answers(), Answer("l0", "own", ("own point",), True, 9e9)]
    parts = comparing.split(comparing.table_of(rows), 3)
    assert "own point" in {parts.fit.point_ids[place] for place in parts.fit.point}
    hidden = comparingnew.hide(parts.fit, parts.validation, parts.test, 3, comparingnew.NO_TEXTS)
    asked = {hidden.test.item_ids[place] for place in np.unique(hidden.test.item[hidden.asked])}
    assert (len(asked), hidden.items) == (11, 12)  # "own" is the twelfth, and no stranger was asked it
    for part in (hidden.fit, hidden.validation):
        assert (asked | {"own"}).isdisjoint(part.item_ids)
        assert "own point" not in part.point_ids
        assert set(part.item.tolist()) == set(range(len(part.item_ids)))
    again = comparingnew.hide(parts.fit, parts.validation, parts.test, 4, comparingnew.NO_TEXTS)
    assert again.fit.item_ids != hidden.fit.item_ids


def test_where_strangers_answered_too_few_hidden_items_it_is_refused_before_anything_is_fitted() -> None:
    few = comparing.table_of([one for one in answers() if int(str(one.item_id)[1:]) < 12])
    with pytest.raises(comparingnew.TooFewHidden, match=r"gave 20 answers to 2 hidden items.*without new items"):
        comparing.compare(few, ORDER)
