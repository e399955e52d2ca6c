"""The served tracer on real pupils: a part of the training file, so the test file stays unread here."""

import numpy as np
import pytest

from bench import harness, replay
from shuyuan.science import metrics
from shuyuan.science.tracing import online


def test_a_fit_on_real_pupils_predicts_pupils_it_has_not_seen() -> None:
    try:
        folder = harness.data_folder(replay.DATA_SET)
    except SystemExit:
        pytest.skip(f"{replay.DATA_SET} not found; set SHUYUAN_DATA to the folder of data sets")
    table = replay.load(folder, "train")
    assert len(table) == 220_070
    assert len(np.unique(table.learner)) == 2_491
    rest, unseen = table.split(0.2, seed=11)
    p = online.replay(online.fit(rest, candidates=[online.Settings()]), unseen)
    assert metrics.auc(unseen.correct, p) > 0.765
    assert metrics.expected_calibration_error(unseen.correct, p) < 0.03
