"""Tracers side by side: one protocol, stored; leaks refused; nothing told where answers were dealt at random."""

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from shuyuan.kernel import children
from shuyuan.science.tracing import comparing, comparing_child, comparingnew, evaluation, family, interchange
from shuyuan.science.tracing.interactions import Answer, Interactions


def answers(learners: int = 30, each: int = 40) -> list[Answer]:
    """Of learners who differ and items that differ."""
    rng = random.Random(5)
    found = []
    for who in range(learners):
        ability = rng.gauss(0, 1)
        for at in range(each):
            item = rng.randrange(12)
            chance = 1 / (1 + 2.718 ** (item / 4 - 1.5 - ability))
            found.append(Answer(f"l{who}", f"q{item}", (f"p{item % 3}",), rng.random() < chance, 60.0 * at))
    return found


TABLE = Interactions.of(answers())


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:  # Any: JSON
    told: list[tuple[str, str, int]] = []
    result = comparing.compare(TABLE, comparing.Order(("rasch", "kalman"), seed=3), lambda *said: told.append(said))
    assert told == [("fit", "rasch", 0), ("control", "rasch", 1), ("fit", "kalman", 2), ("control", "kalman", 3)]
    return result


def test_every_number_stands_beside_its_protocol_and_split(found: dict[str, Any]) -> None:
    told = found["protocol"]
    assert {name: part["learners"] for name, part in told["parts"].items()} == {"fit": 21, "validation": 3, "test": 6}
    assert (told["seed"], told["test_readings"], len(told["data_sha256"])) == (3, 2, 64)
    assert json.loads(json.dumps(found)) == found


def test_a_model_that_follows_learners_beats_one_that_does_not_and_none_reads_noise(found: dict[str, Any]) -> None:
    models = found["models"]
    assert models["kalman"]["auc"] > models["rasch"]["auc"]
    for one in models.values():
        assert one["low"] < one["auc"] < one["high"]
        assert abs(one["control_auc"] - 0.5) < one["control_limit"]
        assert one["slices"]["history 0-4"]["rows"] == 6 * 5
        assert one["slices"]["known item"]["rows"] == 6 * 40
    assert comparing.best(models)[0] == "kalman"


def test_the_same_seed_deals_and_measures_alike_another_deals_otherwise(found: dict[str, Any]) -> None:
    order = comparing.Order(("rasch",), seed=3, control=False)
    again = comparing.compare(TABLE, order)["models"]["rasch"]
    assert again["auc"] == found["models"]["rasch"]["auc"]
    assert again["control_auc"] is None
    assert comparing.compare(TABLE, order._replace(seed=4))["models"]["rasch"]["auc"] != again["auc"]


def test_answers_written_once_a_point_are_refused_before_anything_is_fitted() -> None:
    leaking = [Answer(one.learner, one.item_id, (point,), one.correct, one.at_s) for one in answers() for point in "ab"]
    with pytest.raises(evaluation.Leak):
        comparing.compare(Interactions.of(leaking), comparing.Order(("rasch",)))


@pytest.mark.parametrize("few", [answers(8), answers(30, 5), [one._replace(correct=True) for one in answers()]])
def test_where_nobody_can_be_held_out_it_says_so(few: list[Answer]) -> None:
    with pytest.raises(comparing.TooFew):
        comparing.compare(Interactions.of(few), comparing.Order(("rasch",)))


def test_an_unknown_model_is_named_beside_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'guess'.*rasch"):
        comparing.compare(TABLE, comparing.Order(("guess",)))
    assert family.needs_torch("dkt")
    assert not family.needs_torch("kalman")


def test_in_which_order_learners_stand_in_a_file_decides_nothing() -> None:
    here = [one._replace(at_s=0.0) for one in answers(12, 20)]
    turned = sorted(here, key=lambda one: -int(str(one.learner)[1:]))
    tables = [comparing.table_of(rows) for rows in (here, turned)]
    assert comparing.fingerprint(tables[0]) == comparing.fingerprint(tables[1])


def test_what_cannot_be_compared_is_said_in_words_that_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(raw: bytes, model: str) -> dict[str, str]:
        (tmp_path / "answers.csv").write_bytes(raw)
        (tmp_path / "job.json").write_text(json.dumps({"models": [model], "seed": 0, "control": False}))
        assert comparing_child.main(tmp_path) == comparing_child.REFUSED
        told: dict[str, str] = json.loads((tmp_path / "error.json").read_text())
        return told

    told = asked(b"learner,item\xff\n", "rasch")
    assert "no text in UTF-8: byte 13 is 0xff" in told["message"]
    assert "CSV UTF-8" in told["fix"]

    def missing(*asked: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(comparing, "compare", missing)
    told = asked(b"learner,item,correct\na,b,1\n", "akt")
    assert told["message"] == "akt cannot be fitted: torch is not installed here"
    assert "rasch" in told["fix"]


def test_the_child_compares_in_its_folder_and_leaves_no_answers_there(tmp_path: Path) -> None:
    text = io.StringIO()
    interchange.write_csv(answers(), text)
    (tmp_path / "answers.csv").write_text(text.getvalue())
    (tmp_path / comparingnew.MEANING).write_bytes(b"nobody asks for new items")
    (tmp_path / "job.json").write_text(json.dumps({"models": ["rasch"], "seed": 3, "control": False}))
    found = children.Supervisor(comparing.CHILD).run(tmp_path, threads=1)
    assert found["models"]["rasch"]["auc"] > 0.5
    assert not {"answers.csv", comparingnew.MEANING} & {one.name for one in tmp_path.iterdir()}
