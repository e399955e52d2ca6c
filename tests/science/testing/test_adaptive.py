"""Adaptive tests: surer with each answer, within their rules, and fair to the bank."""

from typing import Any

import numpy as np
import pytest

from shuyuan.science.testing import adaptive
from shuyuan.science.testing.adaptive.blueprint import Impossible
from shuyuan.science.testing.bank import Bank


def bank(items: int = 400, areas: int = 1, seed: int = 1) -> Bank:
    rng = np.random.default_rng(seed)
    return Bank.of(rng.lognormal(0.35, 0.3, items), rng.normal(0, 1.2, items), 0.0, np.arange(items) % areas)


def test_a_belief_is_that_of_bayes() -> None:
    items = Bank.of([1.0, 1.5, 0.8], [-0.5, 0.3, 1.0], [0.0, 0.2, 0.0])
    table, belief = adaptive.Table(items), adaptive.Belief()
    for item, right in ((0, True), (1, False), (2, True)):
        belief.learn(table.log_right[:, item], table.log_wrong[:, item], right)
    nodes = np.linspace(-8, 8, 4001)
    p = items.chance(nodes)
    posterior = np.exp(-0.5 * nodes**2) * p[:, 0] * (1 - p[:, 1]) * p[:, 2]
    posterior /= posterior.sum()
    mean = posterior @ nodes
    assert belief.mean == pytest.approx(mean, abs=0.002)
    assert belief.deviation == pytest.approx(np.sqrt(posterior @ (nodes - mean) ** 2), abs=0.002)
    assert belief.mode == pytest.approx(nodes[posterior.argmax()], abs=0.005)


def test_the_likeliest_ability_solves_the_score_and_is_cut_off_where_there_is_none() -> None:
    items = Bank.of([1.0, 1.4, 0.9, 1.2], [-1.0, 0.0, 0.5, 1.0])
    found, error = adaptive.likeliest(items, [0, 1, 2, 3], [True, True, False, False])
    p = items.chance(found)
    assert float((items.a * (np.array([1, 1, 0, 0]) - p)).sum()) == pytest.approx(0, abs=1e-6)
    assert error == pytest.approx(float(items.information(found).sum()) ** -0.5)
    assert adaptive.likeliest(items, [0, 1], [True, True]) == (4.0, float("inf"))
    assert adaptive.likeliest(items, [0], [False]) == (-4.0, float("inf"))
    assert adaptive.likeliest(items, [], []) == (0.0, float("inf"))


@pytest.mark.parametrize("criterion", adaptive.CRITERIA)
def test_a_thousand_examinees_are_measured_with_few_items_spread_over_the_bank(criterion: adaptive.Criterion) -> None:
    rules = adaptive.Rules(least=5, most=24, error=0.32, criterion=criterion)
    test = adaptive.Test(bank(), rules, adaptive.Exposure(400, most=0.25))
    outcome = adaptive.simulate(test, np.random.default_rng(2).normal(size=1000))
    assert (outcome.error <= 0.32).mean() > 0.99
    assert (outcome.error_after[:, -1] == outcome.error).all()  # who has ended stays where they ended
    assert outcome.length.mean() <= 16
    assert outcome.exposure.max() <= 0.25
    assert outcome.bank_used >= 0.8
    assert abs(outcome.bias) < 0.05
    assert outcome.rmse == pytest.approx(float(np.sqrt((outcome.error**2).mean())), rel=0.15)  # as sure as it says


def test_without_a_bound_the_same_few_items_are_seen_by_everybody() -> None:
    test = adaptive.Test(bank(), adaptive.Rules(least=5, most=12, error=None))
    outcome = adaptive.simulate(test, np.random.default_rng(3).normal(size=200))
    assert outcome.exposure.max() == 1.0
    assert (outcome.length == 12).all()


def test_an_adaptive_test_is_surer_than_one_of_random_items_of_the_same_length() -> None:
    items, rng = bank(), np.random.default_rng(4)
    adaptive_error = adaptive.simulate(
        adaptive.Test(items, adaptive.Rules(least=5, most=10, error=None)), rng.normal(size=100)
    ).error.mean()
    table, errors = adaptive.Table(items), []
    for ability in rng.normal(size=100):
        belief = adaptive.Belief()
        for item in rng.choice(400, 10, replace=False):
            right = bool(rng.random() < items.chance(ability)[item])
            belief.learn(table.log_right[:, item], table.log_wrong[:, item], right)
        errors.append(belief.deviation)
    assert adaptive_error < 0.8 * np.mean(errors)


def test_every_test_holds_what_the_blueprint_says() -> None:
    families = [[0, 4, 8], [1, 5]]
    blueprint = adaptive.Blueprint(lowest={0: 3, 3: 2}, highest={1: 1}, families=families)
    items = bank(120, areas=4)
    test = adaptive.Test(items, adaptive.Rules(least=10, most=10, error=None, blueprint=blueprint))
    rng = np.random.default_rng(5)
    for ability in (-2.0, 0.0, 2.5):
        sitting = test.begin(rng)
        while (item := sitting.next()) is not None:
            sitting.answer(item, bool(rng.random() < items.chance(ability)[item]))
        areas = np.bincount(items.content[sitting.given], minlength=4)
        assert len(sitting.given) == 10
        assert areas[0] >= 3
        assert areas[3] >= 2
        assert areas[1] <= 1
        assert all(len(set(family) & set(sitting.given)) <= 1 for family in families)


@pytest.mark.parametrize(
    ("blueprint", "said"),
    [
        (adaptive.Blueprint(lowest={2: 1}), "area 2 needs 1 items, has 0"),
        (adaptive.Blueprint(lowest={0: 6, 1: 6}), "need 12 items, the test has 10"),
        (adaptive.Blueprint(highest={0: 2, 1: 3}), "may hold 5"),
        (adaptive.Blueprint(lowest={0: 3}, highest={0: 2}), "area 0"),
        (adaptive.Blueprint(families=[[1, 99]]), "item 99"),
    ],
)
def test_a_blueprint_no_test_can_keep_is_refused_with_the_rule(blueprint: adaptive.Blueprint, said: str) -> None:
    with pytest.raises(Impossible, match=said):
        adaptive.Test(bank(40, areas=2), adaptive.Rules(least=10, most=10, blueprint=blueprint))


def test_all_right_and_all_wrong_end_with_a_finite_belief() -> None:
    for right in (True, False):
        sitting = adaptive.Test(bank(50), adaptive.Rules(least=5, most=20)).begin(np.random.default_rng(6))
        while (item := sitting.next()) is not None:
            sitting.answer(item, right)
        assert sitting.ended == "full length"
        assert 1.5 < sitting.belief.mean * (1 if right else -1) < 4
        assert 0 < sitting.belief.deviation < 1


def test_a_bank_where_every_item_is_equal_still_gives_a_test() -> None:
    equal = Bank.of(np.ones(12), 0.0)
    outcome = adaptive.simulate(
        adaptive.Test(equal, adaptive.Rules(least=4, most=4), adaptive.Exposure(12, most=0.5)), np.zeros(30)
    )
    assert (outcome.length == 4).all()
    assert outcome.exposure.max() <= 0.55


def test_a_small_bank_ends_when_it_is_empty() -> None:
    sitting = adaptive.Test(bank(3), adaptive.Rules(least=3, most=9)).begin(np.random.default_rng(7))
    while (item := sitting.next()) is not None:
        sitting.answer(item, True)
    assert (sitting.ended, len(sitting.given)) == ("bank empty", 3)


def test_the_next_item_stays_until_it_is_answered_and_nothing_is_answered_twice() -> None:
    sitting = adaptive.Test(bank(30)).begin(np.random.default_rng(8))
    item = sitting.next()
    assert item is not None
    assert sitting.next() == item
    sitting.answer(item, True)
    with pytest.raises(ValueError, match="answered already"):
        sitting.answer(item, True)
    with pytest.raises(ValueError, match="not in the bank of 30"):
        sitting.answer(30, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"least": 0}, "at least 1 item"),
        ({"least": 9, "most": 8}, "got 9 and 8"),
        ({"error": 0.0}, "above 0"),
        ({"criterion": "magic"}, "'magic'"),
    ],
)
def test_rules_that_make_no_test_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        adaptive.Rules(**given)


def test_an_empty_bank_and_nobody_to_examine_are_refused() -> None:
    with pytest.raises(ValueError, match="holds no item"):
        adaptive.Test(Bank.of(np.zeros(0), np.zeros(0)))
    with pytest.raises(ValueError, match="nobody"):
        adaptive.simulate(adaptive.Test(bank(10)), np.zeros(0))


def test_bands_of_ability_show_where_a_test_is_weak() -> None:
    outcome = adaptive.simulate(
        adaptive.Test(bank(60), adaptive.Rules(least=5, most=8)), np.array([-3.0, 0.0, 0.1, 9.0])
    )
    bands = outcome.by_ability([-4, -1, 1, 2])
    assert [people for _, _, people, _, _ in bands] == [1, 2, 0]
    assert np.isnan(bands[2][3])


def test_a_test_that_is_sure_enough_first_gives_what_its_blueprint_owes() -> None:
    items, rng = bank(120, areas=4), np.random.default_rng(9)
    blueprint = adaptive.Blueprint(lowest={0: 2, 1: 2, 3: 3})
    test = adaptive.Test(items, adaptive.Rules(least=3, most=40, error=0.7, blueprint=blueprint))
    for ability in (-2.0, 0.0, 2.5):
        sitting = test.begin(rng)
        while (item := sitting.next()) is not None:
            sitting.answer(item, bool(rng.random() < items.chance(ability)[item]))
        areas = np.bincount(items.content[sitting.given], minlength=4)
        assert sitting.ended == "sure enough"
        assert (areas[[0, 1, 3]] >= [2, 2, 3]).all()
        assert len(sitting.given) < 20
