"""Item numbers against the truth they were drawn from, and against figures others published."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shuyuan.science.testing import irt
from shuyuan.science.testing.bank import Bank
from shuyuan.science.testing.irt import fitstatistics, fitting
from shuyuan.science.testing.irt.answers import Unfit

DATA = Path(os.environ.get("SHUYUAN_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
TRUE = Bank.of([0.6, 1.0, 1.4, 0.8, 1.8, 1.1, 0.9, 1.3], [-1.5, -0.8, 0.0, 0.4, 0.9, 1.4, -0.3, 0.2])


def drawn(bank: Bank, persons: int, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random((persons, len(bank))) < bank.chance(rng.normal(shift, 1, persons))).astype(float)


def published(folder: str, name: str = "responses.csv") -> np.ndarray:
    path = DATA / folder / name
    if not path.exists():
        pytest.skip(f"needs {folder}; set SHUYUAN_DATA to the folder of data sets")
    return np.genfromtxt(path, delimiter=",", skip_header=1)


@pytest.mark.parametrize(
    ("model", "log_likelihood", "difficulties"),
    [
        ("1pl", -2466.938, (-3.6153, -1.3224, -0.3176, -1.7301, -2.7802)),
        ("2pl", -2466.653, (-3.359, -1.370, -0.280, -1.866, -3.126)),
    ],
)
def test_the_law_school_test_gives_the_published_numbers(
    model: fitting.Model, log_likelihood: float, difficulties: tuple[float, ...]
) -> None:
    fitted = irt.fit(irt.Answers.of(published("irt_lsat6")), model)
    assert fitted.log_likelihood == pytest.approx(log_likelihood, abs=0.001)
    np.testing.assert_allclose(fitted.bank.b, difficulties, atol=0.002)
    assert fitted.converged


def test_numbers_come_back_within_their_errors_though_half_of_the_answers_are_missing() -> None:
    matrix = drawn(TRUE, 4000)
    matrix[np.random.default_rng(1).random(matrix.shape) < 0.5] = np.nan
    fitted = irt.fit(irt.Answers.of(matrix), "2pl")
    off_a, off_b = (fitted.bank.a - TRUE.a) / fitted.errors.a, (fitted.bank.b - TRUE.b) / fitted.errors.b
    assert np.abs([off_a, off_b]).max() < 3.5
    assert 0.5 < np.sqrt(np.mean(np.square([off_a, off_b]))) < 1.6  # errors are as large as they say


def test_one_slope_is_shared_by_all_items_of_the_rasch_model() -> None:
    fitted = irt.fit(irt.Answers.of(drawn(Bank.of(1.2, np.linspace(-2, 2, 10)), 2000)), "1pl")
    assert np.ptp(fitted.bank.a) < 1e-9
    assert fitted.bank.a[0] == pytest.approx(1.2, abs=4 * fitted.errors.a[0])


def test_guessing_is_found_where_weak_people_were_asked_hard_items() -> None:
    bank = Bank.of(1.5, np.linspace(-1, 1.5, 12), 0.3)
    fitted = irt.fit(irt.Answers.of(drawn(bank, 6000)), "3pl")
    assert abs(fitted.bank.c[6:] - 0.3).mean() < 0.05
    assert (fitted.errors.c > 0).all()


def test_abilities_follow_what_people_can_do() -> None:
    rng = np.random.default_rng(3)
    ability = rng.normal(0, 1, 800)
    matrix = (rng.random((800, len(TRUE))) < TRUE.chance(ability)).astype(float)
    fitted = irt.fit(irt.Answers.of(matrix), "2pl")
    assert fitted.abilities.shape == (800, 2)
    assert np.corrcoef(fitted.abilities[:, 0], ability)[0, 1] > 0.7
    assert (np.abs(fitted.abilities[:, 0] - ability) < 2.5 * fitted.abilities[:, 1]).mean() > 0.95


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ([[1, 0], [1, 1]], "item 0 right"),
        ([[1, 0], [0, 0]], "item 1 wrong"),
        ([[1, np.nan], [0, np.nan]], "asked item 1"),
        ([[1, 2], [0, 1]], "got 2"),
        ([[1, 0]], "at least 2 persons"),
        ([1, 0], r"shape \(2,\)"),
    ],
)
def test_answers_that_cannot_be_fitted_say_which_item_and_why(matrix: npt.ArrayLike, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        irt.fit(irt.Answers.of(matrix), "2pl")


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'4pl'.*1pl"):
        irt.fit(irt.Answers.of([[1, 0], [0, 1]]), "4pl")  # type: ignore[arg-type]


def test_an_item_that_breaks_the_model_is_told_by_its_fit() -> None:
    matrix = drawn(TRUE, 3000, seed=4)
    matrix[:, 3] = np.random.default_rng(5).random(3000) < 0.5  # the coin knows nothing of ability
    answers = irt.Answers.of(matrix)
    found = irt.item_fit(answers, Bank.of(1.1, irt.fit(answers, "1pl").bank.b), parameters=1)
    assert found.p[3] < 1e-6
    assert found.outfit[3] > 1.1
    honest = irt.item_fit(irt.Answers.of(drawn(TRUE, 3000, seed=6)), TRUE, parameters=0)
    assert (honest.p > 0.001).all()
    assert (abs(honest.outfit - 1) < 0.1).all()


def test_the_tail_of_chi_square_is_that_of_the_tables() -> None:
    for x, freedom, p in ((3.841, 1, 0.05), (23.209, 10, 0.01), (0.103, 2, 0.95), (124.342, 100, 0.05)):
        assert fitstatistics.upper_tail(x, freedom) == pytest.approx(p, abs=0.0005)


def test_an_item_made_harder_for_one_group_is_found_and_no_other_is() -> None:
    harder = TRUE.b.copy()
    harder[2] += 1.2
    matrix = np.concatenate([drawn(TRUE, 1500, 7), drawn(Bank.of(TRUE.a, harder), 1500, 8, shift=-0.5)])
    found = irt.mantel_haenszel(irt.Answers.of(matrix), np.arange(3000) >= 1500)
    sizes = [one.size for one in found if one]
    assert sizes[2] == "C"
    assert found[2] is not None
    assert found[2].delta < -1.5
    assert sizes.count("C") == 1


def test_groups_must_both_have_people() -> None:
    with pytest.raises(Unfit, match="both groups"):
        irt.mantel_haenszel(irt.Answers.of(drawn(TRUE, 50)), np.zeros(50))


Q = np.array([[1, 0], [0, 1], [1, 1], [1, 0], [0, 1], [1, 1]])


def test_skills_of_people_are_found_from_what_items_need() -> None:
    rng = np.random.default_rng(9)
    skills = rng.random((1500, 2)) < (0.6, 0.4)
    able = ((skills[:, None, :] | ~Q.astype(bool)).all(2)) * 1.0
    matrix = (rng.random((1500, 6)) < able * 0.9 + (1 - able) * 0.15).astype(float)
    fitted = irt.fit_dina(irt.Answers.of(matrix), Q)
    assert (fitted.likeliest == skills).mean() > 0.9
    np.testing.assert_allclose(fitted.slip, 0.1, atol=0.06)
    np.testing.assert_allclose(fitted.guess, 0.15, atol=0.06)
    np.testing.assert_allclose(fitted.mastery.mean(0), (0.6, 0.4), atol=0.06)


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (Q[:4], "6 items"),
        (np.vstack([[0, 0], Q[1:]]), "item 0 needs no skill"),
        (np.hstack([Q, np.zeros((6, 1))]), "no item needs skill 2"),
    ],
)
def test_a_q_matrix_that_cannot_be_used_says_why(needs: np.ndarray, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        irt.fit_dina(irt.Answers.of(drawn(TRUE, 30)[:, :6]), needs)


def test_fraction_subtraction_is_diagnosed_better_than_by_one_ability() -> None:
    answers = irt.Answers.of(published("irt_fraction_subtraction"))
    needs = published("irt_fraction_subtraction", "qmatrix.csv")[:, -8:]
    assert irt.fit_dina(answers, needs).log_likelihood > irt.fit(answers, "2pl").log_likelihood
    assert irt.fit(answers, "1pl").log_likelihood == pytest.approx(-4797.17, abs=0.03)


def test_marks_in_steps_give_back_slope_and_thresholds() -> None:
    rng = np.random.default_rng(10)
    thresholds = np.array([-1.0, 0.0, 1.2])
    ability = rng.normal(size=(2500, 1))
    noise = rng.logistic(size=(2500, 5))
    marks = sum(((1.5 * ability + noise) > 1.5 * step).astype(float) for step in thresholds)
    marks[rng.random(marks.shape) < 0.1] = -1
    fitted = irt.fit_graded(marks)
    np.testing.assert_allclose(fitted.a, 1.5, atol=0.2)
    for found in fitted.thresholds:
        np.testing.assert_allclose(found, thresholds, atol=0.15)


def test_two_marks_of_the_graded_model_are_the_two_parameter_model() -> None:
    matrix = drawn(TRUE, 1500, seed=11)
    graded, two = irt.fit_graded(matrix), irt.fit(irt.Answers.of(matrix), "2pl")
    assert graded.log_likelihood == pytest.approx(two.log_likelihood, abs=0.01)
    np.testing.assert_allclose(graded.a, two.bank.a, atol=0.01)


def test_a_mark_nobody_got_is_refused() -> None:
    with pytest.raises(Unfit, match=r"item 0 was marked \[0, 2\]"):
        irt.fit_graded([[0], [2]])


def test_a_new_item_is_calibrated_on_the_scale_of_the_old_ones() -> None:
    whole = Bank.of(np.append(TRUE.a, 1.3), np.append(TRUE.b, 0.7))
    matrix = drawn(whole, 5000, seed=12)
    known, new = irt.Answers.of(matrix[:, :-1]), irt.Answers.of(matrix[:, -1:])
    found = irt.calibrate(known, TRUE, new)
    assert found.a[0] == pytest.approx(1.3, abs=0.2)
    assert found.b[0] == pytest.approx(0.7, abs=0.1)
    with pytest.raises(Unfit, match="same persons"):
        irt.calibrate(irt.Answers.of(matrix[:100, :-1]), TRUE, new)


def test_a_new_item_of_a_bank_with_one_slope_has_that_slope() -> None:
    whole = Bank.of(np.full(9, 1.2), np.append(TRUE.b, 0.7))
    old = Bank.of(1.2, TRUE.b)
    matrix = drawn(Bank.of(np.append(old.a, 0.6), whole.b), 4000, seed=13)  # it tells less than the model says
    known, new = irt.Answers.of(matrix[:, :-1]), irt.Answers.of(matrix[:, -1:])
    found = irt.calibrate(known, old, new, "1pl")
    assert found.a[0] == pytest.approx(1.2)
    assert abs(found.b[0]) < 0.7  # drawn towards the middle, as a flat item is under a steep curve
    with pytest.raises(Unfit, match="several"):
        irt.calibrate(known, TRUE, new, "1pl")


def test_an_item_that_is_none_is_refused_by_its_number() -> None:
    with pytest.raises(ValueError, match=r"item 1 has a = 0\.0"):
        Bank.of([1.0, 0.0], 0.0)
    with pytest.raises(ValueError, match=r"item 0 has c = 1\.0"):
        Bank.of(1.0, 0.0, 1.0)
