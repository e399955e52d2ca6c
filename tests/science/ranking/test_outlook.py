"""From a profile to attitude and goals: encoded, trained with torch, served without; calibrated and even for groups."""

import json
import subprocess
import sys

import numpy as np
import pytest

from shuyuan.learning.recommendation import outlookgate
from shuyuan.science import metrics
from shuyuan.science.metrics import gaps
from shuyuan.science.ranking import Encoder, Outlook, evening, recalibration
from shuyuan.science.ranking.profiles import Kind, Row

KINDS: dict[str, Kind] = {"school": "category", "likes": "tags", "days": "number"}


def people(count: int, seed: int = 0) -> tuple[list[Row], dict[str, list[float]]]:
    """Who is active on many days goes on; who likes making wants a job; the rest is noise."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    goes_on, wants_job = [], []
    for _ in range(count):
        days, making = float(rng.integers(0, 20)), bool(rng.random() < 0.5)
        rows.append(
            {"school": str(rng.choice(["a", "b"])), "likes": ("making",) if making else ("music",), "days": days}
        )
        goes_on.append(float(rng.random() < 1 / (1 + np.exp(-(days - 10) / 2))))
        wants_job.append(float(rng.random() < (0.8 if making else 0.1)))
    return rows, {"goes_on": goes_on, "job": wants_job}


@pytest.fixture(scope="module")
def trained() -> Outlook:
    training = pytest.importorskip("shuyuan.science.ranking.neural.training", reason="needs the training parts")
    rows, targets = people(600)
    made = training.train(rows, KINDS, targets, hidden=(16,), epochs=40)
    assert isinstance(made, Outlook)
    return made


def test_missing_rare_and_wild_values_have_their_own_columns() -> None:
    rows: list[Row] = [{"school": "a", "days": float(n)} for n in range(6)]
    rows.append({"school": "seldom"})
    encoder = Encoder.fit(rows, KINDS)
    place = {column: at for at, column in enumerate(encoder.columns)}
    known, strange, unknown = encoder.encode([rows[0], {"school": "seldom", "days": 1e9}, {}])
    assert known[place["school", "a"]] == 1
    assert (strange[place["school", "…"]], strange[place["days", ""]]) == (1, 4)
    assert unknown[place["school", "∅"]] == unknown[place["days", "∅"]] == unknown[place["likes", "∅"]] == 1
    assert Encoder.from_json(encoder.to_json()) == encoder
    with pytest.raises(ValueError, match="at least one profile"):
        Encoder.fit([], KINDS)


def test_what_torch_learnt_is_served_by_numpy_and_foretells_people_it_never_saw(trained: Outlook) -> None:
    rows, targets = people(400, seed=9)
    p = trained.predict(rows)
    assert metrics.auc(targets["goes_on"], p[:, 0]) > 0.85
    assert metrics.auc(targets["job"], p[:, 1]) > 0.8
    assert metrics.expected_calibration_error(targets["goes_on"], p[:, 0], bins=5) < 0.1


def test_a_file_holds_the_whole_model_and_another_file_is_refused(trained: Outlook) -> None:
    rows, _ = people(5, seed=4)
    again = Outlook.from_bytes(trained.to_bytes())
    assert np.array_equal(again.predict(rows), trained.predict(rows))
    assert np.allclose(again.only(["job"]).predict(rows)[:, 0], trained.predict(rows)[:, 1])
    assert trained.predict([]).shape == (0, 2)
    with pytest.raises(ValueError, match="no outlook model"):
        Outlook.from_bytes(b"not safetensors")


def test_the_reason_names_the_field_that_carried_it(trained: Outlook) -> None:
    row: Row = {"school": "a", "likes": ("making",), "days": 19.0}
    (field, moved), *_ = trained.because(row, "goes_on")
    assert (field, moved > 0) == ("days", True)
    assert trained.because(row, "job")[0][0] == "likes"
    assert trained.because({"school": None}, "job") == []


def test_too_few_people_are_refused() -> None:
    training = pytest.importorskip("shuyuan.science.ranking.neural.training", reason="needs the training parts")
    rows, targets = people(19)
    with pytest.raises(ValueError, match="19 profiles are too few"):
        training.train(rows, KINDS, targets)


def test_the_child_tells_how_well_each_head_foretells_and_noise_does_not_beat_a_mere_share() -> None:
    pytest.importorskip("torch", reason="needs the training parts")
    made, targets = people(120)
    rows = [{key: list(one) if isinstance(one, tuple) else one for key, one in row.items()} for row in made]
    noise = np.random.default_rng(8).integers(0, 2, 120).astype(float).tolist()
    heads = targets | {"noise": noise, "everybody": [1.0] * 120}
    job = {"rows": rows, "kinds": KINDS, "targets": heads, "person": list(map(str, range(120)))}
    told = json.dumps(job | {"seed": 0}).encode()
    command = [sys.executable, "-m", "shuyuan.science.ranking.neural.child"]
    done = subprocess.run(command, input=told, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    line, _, arrays = done.stdout.partition(b"\n")
    figures = json.loads(line)
    assert Outlook.from_bytes(arrays).heads == tuple(figures) == ("goes_on", "job", "noise")  # everybody: not judged
    assert outlookgate.kept(outlookgate.conditions(figures)) == ["goes_on", "job"]
    assert figures["goes_on"]["people"] == 120


def test_the_server_side_of_ranking_never_loads_torch() -> None:
    look = (
        "import sys, shuyuan.science.ranking, shuyuan.learning.recommendation.outlooks; print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", look], text=True).strip() == "False"


def test_chances_become_honest_for_all_and_for_each_group() -> None:
    rng = np.random.default_rng(6)
    group = rng.integers(0, 2, 8000)
    truth = rng.uniform(0.2, 0.8, 8000)
    happened = rng.random(8000) < truth
    off = 1 / (1 + np.exp(-(0.5 * recalibration.log_odds(truth) + np.where(group == 0, 0.8, -0.8))))
    half = np.arange(8000) < 4000
    for groupings, limit in ((None, 0.35), (group[:, None], 0.06)):
        kept = None if groupings is None else groupings[half], None if groupings is None else groupings[~half]
        right = recalibration.fit(off[half], happened[half], kept[0])(off[~half], kept[1])
        unfair = gaps.gap(lambda rows, p=right: float((p[rows] - happened[~half][rows]).mean()), group[~half])  # type: ignore[misc]
        assert unfair < limit
    assert recalibration.fit(off, happened, group[:, None])(np.array([0.5]), [[-1]]).shape == (1,)


def test_those_who_failed_are_warned_equally_often_after_evening() -> None:
    rng = np.random.default_rng(7)
    group = rng.integers(0, 2, 6000)
    truth = np.clip(rng.normal(np.where(group == 0, 0.6, 0.4), 0.15), 0.02, 0.98)
    passed = rng.random(6000) < truth
    half = np.arange(6000) < 3000
    even = evening.fit(truth[half], passed[half], group[half, None])
    before, after = truth[~half], even(truth[~half], group[~half, None])
    failed, of = ~passed[~half], group[~half]
    gap = [gaps.gap(lambda rows, p=p: float((p[failed][rows] < 0.5).mean()), of[failed]) for p in (before, after)]  # type: ignore[misc]
    assert gap[0] > 0.4
    assert gap[1] < 0.15
    with pytest.raises(ValueError, match="nobody was to be warned"):
        evening.fit(truth, np.ones(6000), group[:, None])
