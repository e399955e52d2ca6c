"""Figures agree with scikit-learn on random tables, and with hand-made ones where it has no such figure."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shuyuan.science import metrics

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="agreement is tested with scikit-learn installed")
SEEDS = st.integers(0, 2**31 - 1)


def _classes(
    seed: int, rows: int = 60, classes: int = 4
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, rows)
    raw = rng.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[truth]
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return truth, p.argmax(axis=1), p


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_precision_recall_and_f1_of_every_average_agree(seed: int) -> None:
    truth, said, _ = _classes(seed)
    counts = metrics.confusion_matrix(truth, said, 4)
    assert counts.tolist() == sklearn_metrics.confusion_matrix(truth, said, labels=range(4)).tolist()
    for average in ("micro", "macro", "weighted"):
        theirs = sklearn_metrics.precision_recall_fscore_support(truth, said, average=average, zero_division=0)[:3]
        assert metrics.average_scores(counts, average)[:3] == pytest.approx(theirs)
    assert metrics.share_right(counts) == pytest.approx(sklearn_metrics.accuracy_score(truth, said))


def test_a_class_never_said_scores_zero_and_one_that_never_happened_too() -> None:
    counts = metrics.confusion_matrix([0, 0, 1], [0, 0, 2], 3)
    assert [one.f1 for one in metrics.scores_by_class(counts)] == [1.0, 0.0, 0.0]
    assert metrics.average_scores(counts, "macro").f1 == pytest.approx(1 / 3)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_figures_of_probabilities_agree(seed: int) -> None:
    truth, _, p = _classes(seed)
    assert metrics.class_log_loss(truth, p) == pytest.approx(sklearn_metrics.log_loss(truth, p, labels=range(4)))
    theirs = sklearn_metrics.roc_auc_score(truth, p, multi_class="ovr", average="macro", labels=range(4))
    assert metrics.one_vs_rest_auc(truth, p) == pytest.approx(theirs)
    squared = ((p - np.eye(4)[truth]) ** 2).sum(axis=1).mean()
    assert metrics.class_brier(truth, p) == pytest.approx(squared)
    assert metrics.brier(truth == 1, p[:, 1]) == pytest.approx(sklearn_metrics.brier_score_loss(truth == 1, p[:, 1]))


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_area_under_the_drawn_curve_is_the_auc(seed: int) -> None:
    truth, _, p = _classes(seed)
    points = metrics.roc_points(truth == 1, p[:, 1], most=1000)
    area = float(((points[1:, 0] - points[:-1, 0]) * (points[1:, 1] + points[:-1, 1]) / 2).sum())
    assert area == pytest.approx(metrics.auc(truth == 1, p[:, 1]))


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_figures_of_numbers_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=40)
    said = truth + rng.normal(size=40)
    assert metrics.rmse(truth, said) == pytest.approx(sklearn_metrics.root_mean_squared_error(truth, said))
    assert metrics.mae(truth, said) == pytest.approx(sklearn_metrics.mean_absolute_error(truth, said))
    assert metrics.r_squared(truth, said) == pytest.approx(sklearn_metrics.r2_score(truth, said))
    assert metrics.correlation(truth, said) == pytest.approx(np.corrcoef(truth, said)[0, 1])


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_gain_of_ranked_lists_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted, score = rng.integers(0, 3, (5, 12)).astype(float), rng.random((5, 12))
    wanted[:, 0] = 1  # something is wanted in every list
    query = np.repeat(np.arange(5), 12)
    theirs = sklearn_metrics.ndcg_score(wanted, score, k=5)
    assert metrics.ndcg_at(5, query, wanted.ravel(), score.ravel()) == pytest.approx(theirs)


def test_recall_and_reciprocal_rank_of_hand_made_lists() -> None:
    query, wanted, score = [1, 1, 1, 2, 2, 3], [0, 1, 1, 1, 0, 0], [0.9, 0.5, 0.1, 0.2, 0.8, 0.5]
    assert metrics.recall_at(2, query, wanted, score) == pytest.approx((1 / 2 + 1) / 2)
    assert metrics.reciprocal_rank(query, wanted, score) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert math.isnan(metrics.recall_at(1, [1], [0], [0.5]))


def test_equal_scores_count_against_the_model() -> None:
    assert metrics.reciprocal_rank([1, 1, 1], [1, 0, 0], [0.5, 0.5, 0.5]) == pytest.approx(1 / 3)


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_figures_of_clusters_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, cluster = rng.normal(size=(50, 3)), rng.integers(0, 4, 50)
    cluster[:4] = range(4)
    other = rng.integers(0, 3, 50)
    assert metrics.silhouette(vectors, cluster) == pytest.approx(sklearn_metrics.silhouette_score(vectors, cluster))
    assert metrics.adjusted_rand(other, cluster) == pytest.approx(sklearn_metrics.adjusted_rand_score(other, cluster))


def test_one_cluster_has_no_silhouette_and_the_same_grouping_agrees_fully() -> None:
    assert math.isnan(metrics.silhouette([[0.0], [1.0]], [1, 1]))
    assert metrics.adjusted_rand([1, 1, 2], ["b", "b", "a"]) == 1.0


def test_perplexity_weighs_texts_by_their_tokens() -> None:
    assert metrics.perplexity([3 * math.log(2), math.log(32)], [3, 1]) == pytest.approx(2 ** ((3 + 5) / 4))


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)]
)
def test_wilson_agrees_with_published_tables(hits: int, rows: int, low: float, high: float) -> None:
    """The last line: Newcombe (1998), table I."""
    found = metrics.wilson(hits, rows)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: metrics.confusion_matrix([0, 2], [0, 1], 2),
        lambda: metrics.confusion_matrix([], [], 2),
        lambda: metrics.class_log_loss([0], [[0.5, 0.4]]),
        lambda: metrics.class_log_loss([3], [[0.5, 0.5]]),
        lambda: metrics.rmse([1.0], [float("nan")]),
        lambda: metrics.ndcg_at(0, [1], [1], [1]),
        lambda: metrics.ndcg_at(3, [1], [-1], [1]),
        lambda: metrics.silhouette([1.0, 2.0], [0, 1]),
        lambda: metrics.perplexity([1.0], [0]),
        lambda: metrics.wilson(3, 2),
    ],
)
def test_what_is_ill_shaped_is_refused_by_name(refused: "object") -> None:
    with pytest.raises(ValueError, match=r"must|adds up"):
        refused()  # type: ignore[operator]
