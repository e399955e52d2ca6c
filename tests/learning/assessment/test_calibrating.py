"""Question numbers from a school's answers: true ones come back, few answers keep the author's word."""

import numpy as np
import pytest

from shuyuan.learning.assessment import calibrating
from shuyuan.learning.assessment.calibrating import Prior
from shuyuan.science.testing.bank import Bank

ITEMS = 30


def simulated(learners: int, asked_share: float, a: float = 1.2, seed: int = 3) -> dict[tuple[str, str], bool]:
    rng = np.random.default_rng(seed)
    chance = Bank.of(a, np.linspace(-1.5, 1.5, ITEMS)).chance(rng.normal(size=learners))
    right, asked = rng.random(chance.shape) < chance, rng.random(chance.shape) < asked_share
    return {(f"l{n}", f"c.{j:02d}"): bool(right[n, j]) for n, j in zip(*np.nonzero(asked), strict=True)}


PRIORS = {f"c.{j:02d}": Prior() for j in range(ITEMS)}


def test_difficulty_and_slope_come_back_from_answers_that_are_half_missing() -> None:
    found = calibrating.calibrate(simulated(800, 0.5), PRIORS)
    b = np.asarray([found[item].b for item in PRIORS])
    assert np.corrcoef(b, np.linspace(-1.5, 1.5, ITEMS))[0, 1] > 0.98
    off = np.asarray(
        [
            (found[item].b - true) / found[item].error_b
            for item, true in zip(PRIORS, np.linspace(-1.5, 1.5, ITEMS), strict=True)
        ]
    )
    assert 0.6 < off.std() < 1.5  # the standard errors are as large as the errors
    assert np.mean([found[item].a for item in PRIORS]) == pytest.approx(1.2, abs=0.15)
    assert all(0.8 < (found[item].infit or 0) < 1.2 for item in PRIORS)


def test_few_answers_keep_the_word_of_the_author_and_say_so() -> None:
    marks = simulated(12, 1.0)
    found = calibrating.calibrate(marks, {**PRIORS, "c.00": Prior(b=-1.0, c=0.25)})
    assert (found["c.00"].b, found["c.00"].c, found["c.00"].fitted, found["c.00"].answers) == (-1.0, 0.25, False, 12)
    assert calibrating.calibrate({}, PRIORS)["c.01"] == calibrating.believed(Prior())


def test_a_class_of_thirty_moves_the_numbers_from_the_prior_without_running_away() -> None:
    found = calibrating.calibrate(simulated(32, 0.9), PRIORS)
    assert all(one.fitted for one in found.values())
    assert max(one.a for one in found.values()) < 2.0
    assert max(abs(one.b) for one in found.values()) < 3.0
    assert min(one.error_b for one in found.values()) > 0.15


@pytest.mark.parametrize("right", [True, False])
def test_a_question_all_got_right_or_wrong_stays_finite_and_has_no_correlation(right: bool) -> None:
    marks = simulated(100, 1.0) | {(f"l{n}", "c.05"): right for n in range(100)}
    one = calibrating.calibrate(marks, PRIORS)["c.05"]
    assert one.fitted
    assert abs(one.b) < 6
    assert (one.b < -1.5) == right
    assert one.rest is None


def test_a_question_with_a_wrong_key_tells_the_weak_from_the_strong_the_wrong_way_round() -> None:
    marks = simulated(200, 0.7)
    turned = {key: (not right if key[1] == "c.15" else right) for key, right in marks.items()}
    found = calibrating.calibrate(turned, PRIORS)
    assert (found["c.15"].rest or 0) < -0.2
    assert all((one.rest or 0) > 0 for item, one in found.items() if item != "c.15")


def test_only_the_most_answered_are_fitted_when_there_are_too_many() -> None:
    marks = {key: right for key, right in simulated(60, 1.0).items() if key[1] != "c.07" or key[0] < "l3"}
    found = calibrating.calibrate(marks, PRIORS, most_items=ITEMS - 1)
    assert [item for item, one in found.items() if not one.fitted] == ["c.07"]
