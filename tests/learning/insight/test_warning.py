"""Early warning: what is counted, when a model may speak, and that it keeps to the evidence. Pure."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.learning.insight.classbook import BEGAN, answer, book, past, worked

from shuyuan.learning.assessment.interface import Assignment
from shuyuan.learning.insight import warning, weeks

SECOND = BEGAN + weeks.WEEK


def test_below_the_line_is_who_answers_too_little_or_far_fewer_right_than_the_class() -> None:
    rows = [*worked("a", 0, "++++++"), *worked("b", 0, "+++++-"), *worked("c", 0, "+-----"), *worked("d", 0, "+++")]
    assert weeks.came(book(*rows), BEGAN) == {"a": False, "b": False, "c": True, "d": True}


def test_a_week_in_which_the_class_rests_says_nothing_of_anybody() -> None:
    rows = [row for who in "abc" for row in worked(who, 0, "++++++")] + worked("a", 1, "------")
    assert weeks.came(book(*rows), SECOND) is None


def test_facts_know_nothing_of_the_moment_and_after() -> None:
    rows = [*worked("a", 0, "++++--"), *worked("b", 0, "++++++")]
    later = [*rows, *worked("a", 1, "------", p=0.1, hints=2), *worked("c", 1, "------")]
    assert weeks.known(book(*rows), SECOND) == weeks.known(book(*later), SECOND)


def test_what_is_older_than_four_weeks_is_not_looked_at() -> None:
    rows = [*worked("a", 0, "++++++"), *worked("b", 0, "++++++"), *worked("b", 4, "++++++")]
    assert weeks.known(book(*rows), SECOND).keys() == {"a", "b"}
    late = BEGAN + 5 * weeks.WEEK
    assert weeks.known(book(*rows), late).keys() == {"b"}
    assert weeks.known(book(*rows), late) == weeks.known(book(*rows[12:]), late)


def test_what_the_whole_class_does_is_nobodys_warning() -> None:
    easy, hard = ([row for who in "abc" for row in worked(who, 0, marks)] for marks in ("++++++", "++----"))
    for rows in (easy, hard):
        assert {one.values for one in weeks.known(book(*rows), SECOND).values()} == {(0.0,) * len(weeks.FACTS)}


def test_each_fact_moves_with_what_it_counts() -> None:
    usual = [row for who in "bcd" for row in worked(who, 0, "++++++++++", p=0.8)]
    mine = worked("a", 0, "+-", p=0.8) + [
        replace(answer("a", BEGAN + timedelta(hours=2 + at), False, p=0.3, hints=1), seconds=90.0) for at in range(8)
    ]
    work = Assignment("w", "s", "t", "algebra", "algebra.a", ("a",), None, BEGAN, None, items={"a": ("algebra.a-09",)})
    seen = weeks.ClassBook.of([*usual, *mine], list("abcd"), [work])
    one = weeks.known(seen, SECOND)["a"]
    told = dict(zip(weeks.FACTS, one.values, strict=True))
    assert told["right"] < -0.5
    assert told["level"] == pytest.approx(0.4 - 0.8)
    assert told["trend"] < -0.1
    assert told["hints"] == pytest.approx(0.8 - 8 / 40)
    assert told["slow"] > 1.0
    assert told["unfinished"] == 0.0  # nobody else was set anything: it is usual
    assert one.mine["unfinished"] == 1.0
    assert weeks.known(seen, SECOND + timedelta(days=6))["a"].mine["gap"] > told["gap"]


NOBODY_BELOW = [one._replace(below=False) for one in past(30, 4, tells=True)]
TWO_BELOW = [one._replace(below=one.learner_id in ("l03", "l11")) for one in past(30, 16, tells=True)]


@pytest.mark.parametrize("rows", [[], past(40, 2, tells=True), past(12, 10, tells=True), NOBODY_BELOW, TWO_BELOW])
def test_below_the_stated_minimum_there_is_no_model(rows: list[warning.Row]) -> None:
    assert not warning.evidence(rows).enough
    assert warning.fit(rows) is None


def test_a_model_speaks_where_facts_foretell_and_its_chances_are_honest() -> None:
    made = warning.fit(past(40, 8, tells=True))
    assert made is not None
    model, trust = made
    assert trust.used
    assert trust.better
    assert trust.auc_low > 0.7
    assert trust.calibration_error < 0.08
    assert abs(trust.newest_expected - trust.newest_came) < 0.2
    assert sum(one.rows for one in trust.bins) == trust.evidence.rows
    low, high = model.chances([[2.0] + [0.0] * 7, [-2.0] + [0.0] * 7]).tolist()
    assert low < 0.1
    assert high > 0.85
    assert warning.Model.from_json(model.to_json()) == model


def test_where_facts_foretell_nothing_the_rules_stand_alone() -> None:
    for seed in range(5):
        made = warning.fit(past(40, 6, tells=False, seed=seed))
        assert made is not None
        assert not made[1].used


def test_the_same_learners_seen_over_and_over_make_nobody_surer() -> None:
    once = past(40, 1, tells=True, seed=3)
    again = [one._replace(week=week) for one in once for week in range(8)]
    gained = np.asarray([0.5 if one.below else -0.2 for one in once])
    learners = np.arange(40)
    assert warning._error(np.tile(gained, 8), np.tile(learners, 8)) == pytest.approx(warning._error(gained, learners))
    assert warning.evidence(again).learners == 40


def test_reasons_are_the_facts_that_raise_the_chance_the_largest_first() -> None:
    model = warning.Model(0.0, (-1.0, 0, 0, 0.5, 0, 0, 0, 0), (0.0,) * 8, (1.0,) * 8, 0.0, 1.0)
    zeros: dict[str, float] = dict.fromkeys(weeks.FACTS, 0.0)
    one = weeks.Known({**zeros, "right": -0.8, "gap": 2.0, "hints": 5.0}, zeros)
    assert model.because(one) == [("gap", 1.0), ("right", 0.8)]
    assert model.because(weeks.Known({**zeros, "right": 3.0}, zeros)) == []


def test_a_fact_that_tells_the_wrong_way_round_is_left_out() -> None:
    rows = [one._replace(values=tuple(-x for x in one.values)) for one in past(40, 8, tells=True)]
    made = warning.fit(rows)  # who gets more right falls below: no teacher would believe it
    assert made is not None
    assert made[0].weights[0] == 0
    assert not made[1].used


def test_the_same_past_gives_the_same_model() -> None:
    rows = past(30, 4, tells=True)
    one, two = warning.fit(rows), warning.fit(rows)
    assert one is not None
    assert two is not None
    assert np.array_equal(one[0].weights, two[0].weights)
