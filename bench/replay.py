"""How well does the served tracer predict pupils it has never seen, and how fast is one step?

Fits on the train learners of ASSISTments 2009 (question level, no duplicated rows) and replays the test
learners in order, each starting cold, exactly as the platform would have served them.
"""

import gzip
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

if __package__ in (None, ""):  # run as a file: make the repository importable
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from bench import harness
from shuyuan.science import metrics
from shuyuan.science.tracing import online

DATA_SET = "kt_assist2009_qmatrix"
PUBLISHED = {  # AUC on this very split; Gervet et al. (2020), JEDM 12(3), and that paper's repository
    "published_auc_irt": 0.69,
    "published_auc_pfa": 0.72,
    "published_auc_dkt": 0.75,
    "published_auc_sakt": 0.75,
    "published_auc_best_lr": 0.77,
}
PROTOCOL = (
    "kt_assist2009_qmatrix, 80/20 split by learner as published; one row an answer, several points are one event; "
    "settings chosen by log loss on a fifth of the train learners, then refitted on all of them; test learners "
    "replayed once in order from cold; AUC, log loss and ECE (15 bins) over all test rows; 95 % interval by "
    "resampling learners; control = the same settings fitted and replayed on permuted labels; published figures "
    "from Gervet et al. (2020), JEDM 12(3)"
)
GOALS: dict[str, harness.Goal] = {
    "auc": (">=", 0.765),
    "ece": ("<=", 0.03),
    "control_off_half": ("<=", 0.02),
    "step_replay_gap": ("<=", 1e-9),
    "steps_per_s": (">=", 20_000),
    "fit_s": ("<=", 120),
}
TIMED_STEPS = 20_000


def load(folder: Path, part: str) -> online.Interactions:
    """`train` or `test` as a table; ids are the numbers of the files."""
    points = points_of_items(folder / "qmatrix.csv.gz")
    with gzip.open(folder / f"{part}.tsv.gz", "rt") as lines:
        next(lines)
        rows = [line.split("\t") for line in lines]
    return online.Interactions.of(
        online.Answer(learner, item, points[item], correct == "1", float(at_s))
        for learner, item, at_s, correct, *_ in rows
    )


def main() -> bool:
    """Measure, print, and say whether every goal was met."""
    folder = harness.data_folder(DATA_SET)
    train, test = load(folder, "train"), load(folder, "test")
    began = time.perf_counter()
    fitted = online.select_and_fit(train)
    fit_s = time.perf_counter() - began
    p = online.replay(fitted.params, test)
    control = _control_auc(train, test, fitted.settings)
    stepped, steps_per_s = _timed_steps(fitted.params, test)
    interval = metrics.bootstrap_by_group(metrics.auc, test.correct, p, test.learner)
    figures: dict[str, harness.Figure] = {
        **PUBLISHED,
        "auc": interval.value,
        "auc_low": interval.low,
        "auc_high": interval.high,
        "log_loss": metrics.log_loss(test.correct, p),
        "ece": metrics.expected_calibration_error(test.correct, p),
        "accuracy": metrics.accuracy(test.correct, p),
        "control_auc": control,
        "control_off_half": abs(control - 0.5),
        "step_replay_gap": float(np.abs(stepped - p[: len(stepped)]).max()),
        "steps_per_s": steps_per_s,
        "fit_s": fit_s,
        "train_learners": len(np.unique(train.learner)),
        "train_rows": len(train),
        "test_learners": len(np.unique(test.learner)),
        "test_rows": len(test),
    }
    return harness.report("replay", figures, PROTOCOL, GOALS)


def points_of_items(path: Path) -> dict[str, list[str]]:
    """Item -> its points, from a Q-matrix."""
    points: dict[str, list[str]] = {}
    with gzip.open(path, "rt") as lines:
        next(lines)
        for item, point in (line.strip().split(",") for line in lines):
            points.setdefault(item, []).append(point)
    return points


def _control_auc(train: online.Interactions, test: online.Interactions, settings: online.Settings) -> float:
    """AUC of the whole pipeline when right and wrong are dealt at random: about one half, or something leaks."""
    rng = np.random.default_rng(0)
    dealt, unseen = train.with_correct(rng.permutation(train.correct)), test.with_correct(rng.permutation(test.correct))
    return metrics.auc(unseen.correct, online.replay(online.fit_with(dealt, settings), unseen))


def _timed_steps(params: online.Params, table: online.Interactions) -> tuple[np.ndarray, float]:
    """The first answers through the served step, one by one; and steps a second on this core."""
    answers = list(itertools.islice(_answers(table), TIMED_STEPS))
    learners: dict[int, online.LearnerState] = {}
    points: dict[tuple[int, str], online.PointState] = {}
    p = np.empty(len(answers))
    fresh_learner, fresh_point = online.new_learner(params), online.new_point(params)
    began = time.perf_counter()
    for row, (learner, item_id, keys, correct, at_s) in enumerate(answers):
        states = [points.get((learner, key), fresh_point) for key in keys]
        step = online.update(params, learners.get(learner, fresh_learner), states, item_id, keys, correct, at_s)
        learners[learner] = step.learner
        points.update(((learner, key), state) for key, state in zip(keys, step.points, strict=True))
        p[row] = step.p_before
    return p, len(answers) / (time.perf_counter() - began)


def _answers(table: online.Interactions) -> Iterator[tuple[int, str, list[str], bool, float]]:
    for row in range(len(table)):
        keys = [table.point_ids[i] for i in table.point[table.starts[row] : table.starts[row + 1]]]
        item_id = table.item_ids[table.item[row]]
        yield int(table.learner[row]), item_id, keys, bool(table.correct[row]), float(table.at_s[row])


if __name__ == "__main__":
    main()
