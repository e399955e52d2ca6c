"""Policies and autoencoders have figures of their own: returns with intervals, errors of what came back."""

import numpy as np
import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")

from shuyuan.maas.evaluation.work import intervals, rebuilt, returns
from shuyuan.maas.evaluation.work.predicted import Predicted
from shuyuan.maas.evaluation.work.refusal import Refused


def test_a_simulated_policy_is_told_by_its_mean_return_with_an_interval_and_what_it_gains() -> None:
    rng = np.random.default_rng(3)
    gained = rng.normal(0.6, 0.1, 200)
    said = Predicted(
        np.arange(200), [None] * 200, ["a"] * 200, values={"gained": gained, "random_gained": gained - 0.2}
    )
    measured = returns.measure(said)
    assert measured.figures["mean_return"] == pytest.approx(gained.mean())
    assert measured.figures["gain"] == pytest.approx(0.2)
    bounds = intervals.of(measured, None, 7)["mean_return"]
    assert bounds.low < gained.mean() < bounds.high


def test_a_logged_policy_is_worth_what_its_arms_paid_and_not_what_the_log_earned() -> None:
    arms = ["text", "video"] * 100
    reward = np.array([0.0, 1.0] * 100)
    p = np.tile([0.0, 1.0], (200, 1))  # always video
    said = Predicted(np.arange(200), arms, ["video"] * 200, ("text", "video"), p, {"reward": reward})
    figures = returns.measure(said).figures
    assert (figures["mean_return"], figures["baseline_return"], figures["gain"]) == (1.0, 0.5, 0.5)
    assert figures["effective_rows"] == 100
    leaning = said.only(np.arange(200))
    skewed = {"reward": reward, "propensity": np.array([0.9, 0.1] * 100)}
    named = Predicted(leaning.rows, arms, ["video"] * 200, (), None, skewed)
    assert returns.measure(named).figures["mean_return"] == 1.0


def test_an_autoencoder_is_told_by_its_reconstruction_error_and_by_how_it_finds_the_rarer_label() -> None:
    score = np.array([0.1, 0.2, 0.3, 5.0])
    said = Predicted(np.arange(4), ["ok", "ok", "ok", "odd"], ["usual"] * 3 + ["unusual"], values={"score": score})
    measured = rebuilt.measure(said)
    assert measured.figures["reconstruction_error"] == pytest.approx(1.4)
    assert (measured.figures["unusual_share"], measured.figures["auc"]) == (0.25, 1.0)
    unlabelled = rebuilt.measure(Predicted(np.arange(4), [None] * 4, ["usual"] * 4, values={"score": score}))
    assert unlabelled.missing == {"auc": "no_labels"}
    with pytest.raises(Refused, match="score"):
        rebuilt.measure(Predicted(np.arange(4), [None] * 4, ["usual"] * 4))
