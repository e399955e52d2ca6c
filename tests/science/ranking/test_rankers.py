"""One suite for every ranker of the family; and what each alone promises."""

from typing import Any

import numpy as np
import pytest

from shuyuan.science import metrics
from shuyuan.science.ranking import Histories, evaluation, family

QUICK: dict[str, dict[str, Any]] = {"foresight": {"nets": 1, "epochs": 30, "hidden": 32}}
ITEMS = 12


@pytest.fixture(scope="module")
def chains() -> Histories:
    """Learners walk round one of two rings of six items: the next is certain, and as near as the one before."""
    rng = np.random.default_rng(5)
    lists = []
    for _ in range(300):
        first = int(rng.choice([0, 6]))
        begin = int(rng.integers(0, 6))
        lists.append([first + at % 6 for at in range(begin, begin + 4)])
    return Histories.of(lists, ITEMS)


@pytest.mark.parametrize("name", family.REGISTRY)
def test_a_ranker_scores_every_item_the_same_twice_and_does_not_change_what_it_was_given(
    name: str, chains: Histories
) -> None:
    earlier, _ = chains.cut(0.25)
    before = earlier.item.copy()
    first, second = (family.find(name).fit(earlier, **QUICK.get(name, {})).scores(earlier) for _ in range(2))
    assert first.shape == (300, ITEMS)
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)
    assert np.array_equal(earlier.item, before)


@pytest.mark.parametrize("name", family.REGISTRY)
def test_a_learner_without_history_gets_what_is_popular(name: str, chains: Histories) -> None:
    fitted = family.find(name).fit(chains, **QUICK.get(name, {}))
    nobody = Histories.of([[]], ITEMS)
    top = evaluation.best(fitted.scores(nobody), nobody.taken(), k=4)[0]
    taken = np.bincount(chains.item, minlength=ITEMS)
    assert taken[top].min() >= np.sort(taken)[-4]


@pytest.mark.parametrize("name", family.REGISTRY)
def test_a_ranker_refuses_items_it_was_not_fitted_on(name: str, chains: Histories) -> None:
    fitted = family.find(name).fit(chains, **QUICK.get(name, {}))
    with pytest.raises(ValueError, match="12 items"):
        fitted.scores(Histories.of([[0]], ITEMS + 1))


def test_only_those_that_read_the_order_know_what_comes_next(chains: Histories) -> None:
    earlier, later = chains.cut(0.25)
    recall = {}
    for name in family.REGISTRY:
        scores = family.find(name).fit(earlier, **QUICK.get(name, {})).scores(earlier)
        recall[name] = evaluation.figures(scores, earlier, later, k=1).recall
    assert recall["succession"] > 0.95
    assert recall["foresight"] > 0.95
    assert max(recall[name] for name in recall if name not in ("succession", "foresight")) < 0.7


def test_an_unknown_ranker_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="popularity, neighbours, ease"):
        family.find("oracle")


def test_ease_solves_its_own_equations() -> None:
    """Off the diagonal the gradient of the ridge problem is zero; on it the weight is."""
    rng = np.random.default_rng(0)
    taken = Histories.of([np.flatnonzero(row) for row in rng.random((80, 7)) < 0.4], 7)
    fitted: Any = family.find("ease").fit(taken, penalty=3.0)
    x = taken.weighted()
    slope = x.T @ (x @ fitted.weights - x) + 3.0 * fitted.weights
    assert np.abs(slope[~np.eye(7, dtype=bool)]).max() < 1e-9
    assert np.abs(np.diag(fitted.weights)).max() == 0


def test_slim_is_sparse_and_never_negative(chains: Histories) -> None:
    fitted: Any = family.find("slim").fit(chains)
    assert fitted.weights.min() >= 0
    assert (fitted.weights == 0).mean() > 0.4


def test_settings_out_of_range_are_named(chains: Histories) -> None:
    with pytest.raises(ValueError, match="penalty must be > 0, got 0"):
        family.find("ease").fit(chains, penalty=0)
    with pytest.raises(ValueError, match="neighbours must be >= 1"):
        family.find("neighbours").fit(chains, neighbours=0)
    with pytest.raises(ValueError, match=r"numbers 0\.\.2, got 0\.\.3"):
        Histories.of([[0, 3]], items=3)


def test_a_cut_keeps_the_order_and_leaves_one_item_to_who_has_one() -> None:
    earlier, later = Histories.of([[4, 2, 0, 1], [3], []], items=5).cut(0.5)
    assert [part.tolist() for part in np.split(earlier.item, earlier.starts[1:-1])] == [[4, 2], [3], []]
    assert later.item.tolist() == [0, 1]
    before, after = earlier.prefixes()
    assert (before.item.tolist(), after.item.tolist(), len(before)) == ([4], [2], 1)


def test_figures_agree_with_the_metrics_of_rows() -> None:
    """The second implementation: `metrics.ordering`, one row for each candidate."""
    rng = np.random.default_rng(3)
    earlier = Histories.of([rng.choice(9, 3, replace=False) for _ in range(20)], 9)
    left = [np.setdiff1d(np.arange(9), one) for one in earlier.item.reshape(20, 3)]
    later = Histories.of([rng.choice(one, 2, replace=False) for one in left], 9)
    scores = rng.random((20, 9))
    free, wanted = ~earlier.taken(), later.taken()
    query, rows = np.nonzero(free)[0], (wanted[free], scores[free])
    ours = evaluation.figures(scores, earlier, later, k=3)
    assert ours.recall == pytest.approx(metrics.recall_at(3, query, *rows))
    assert ours.precision == pytest.approx(metrics.precision_at(3, query, *rows))
    assert ours.ndcg == pytest.approx(metrics.ndcg_at(3, query, *rows))


def test_nothing_taken_is_offered_again_and_an_empty_list_is_empty() -> None:
    scores = np.array([[0.9, 0.8, 0.7]])
    assert evaluation.best(scores, [[True, False, True]], k=2).tolist() == [[1, -1]]
    assert evaluation.best(scores, [[True, True, True]], k=2).tolist() == [[-1, -1]]
    assert evaluation.best(np.empty((1, 0)), np.empty((1, 0)), k=2).tolist() == [[]]
    with pytest.raises(ValueError, match="k must be >= 1"):
        evaluation.best(scores, [[False] * 3], k=0)
    with pytest.raises(ValueError, match="finite"):
        evaluation.best([[float("nan")]], [[False]], k=1)


def test_a_blend_of_one_ranker_ranks_as_it_does() -> None:
    scores, taken = np.array([[5.0, 1.0, 3.0]]), np.array([[False, False, False]])
    assert np.argsort(-evaluation.blend([(2.0, scores)], taken)).tolist() == [[0, 2, 1]]
    with pytest.raises(ValueError, match="got none"):
        evaluation.blend([], taken)
