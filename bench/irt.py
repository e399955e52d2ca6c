"""Item response theory: published numbers to the digit, truth recovered, and how long a fit takes beside a peer.

`make bench NAME=irt` fits the Law School Admission Test, the fraction subtraction data and a simulated examination of
10,000 persons and 200 items, which the peer (girth) fits in its own environment on the same machine in the same run.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import environments, harness
from shuyuan.science.testing import irt
from shuyuan.science.testing.bank import Bank
from shuyuan.science.testing.irt.ability import NODES

PERSONS, ITEMS, SEED, ROUNDS = 10_000, 200, 11, 2
PUBLISHED = {"lsat6_1pl_published": -2466.938, "lsat6_2pl_published": -2466.653}
GOALS: dict[str, harness.Goal] = {
    "lsat6_1pl_off": ("<=", 0.01),
    "lsat6_2pl_off": ("<=", 0.01),
    "time_of_peer": ("<=", 0.2),
    "difficulty_rmse_of_peer": ("<=", 1.0),
    "slope_rmse_of_peer": ("<=", 1.0),
    "within_95": (">=", 0.93),
}
PROTOCOL = (
    f"marginal maximum likelihood, ability normal(0, 1), {NODES} nodes; simulated 2PL examination: "
    f"{PERSONS} persons, {ITEMS} items, slopes lognormal(0, 0.3), difficulties normal(0, 1), seed {SEED}; seconds of a "
    f"fit with standard errors, best of {ROUNDS}; the peer without standard errors, best of {ROUNDS}, compiled before; "
    "within_95: share of true numbers inside 1.96 standard errors; times are taken in turn in one run"
)


class _Peer(NamedTuple):
    seconds: float
    a: list[float]
    b: list[float]


def main() -> bool:
    """Measure, print, and say whether every goal was met."""
    figures: dict[str, harness.Figure] = {**PUBLISHED, **_law_school(), **_fractions(), **_simulated()}
    return harness.report("irt", figures, PROTOCOL, GOALS)


def _law_school() -> dict[str, harness.Figure]:
    answers = _answers("irt_lsat6")
    one, two = (irt.fit(answers, model).log_likelihood for model in ("1pl", "2pl"))
    return {
        "lsat6_1pl": one,
        "lsat6_2pl": two,
        "lsat6_1pl_off": abs(one - PUBLISHED["lsat6_1pl_published"]),
        "lsat6_2pl_off": abs(two - PUBLISHED["lsat6_2pl_published"]),
    }


def _fractions() -> dict[str, harness.Figure]:
    answers = _answers("irt_fraction_subtraction")
    needs = _matrix("irt_fraction_subtraction", "qmatrix.csv")[:, 1:]
    return {
        "fractions_1pl": irt.fit(answers, "1pl").log_likelihood,
        "fractions_2pl": irt.fit(answers, "2pl").log_likelihood,
        "fractions_dina": irt.fit_dina(answers, needs).log_likelihood,
    }


def _simulated() -> dict[str, harness.Figure]:
    rng = np.random.default_rng(SEED)
    truth = Bank.of(rng.lognormal(0, 0.3, ITEMS), rng.normal(0, 1, ITEMS))
    matrix = (rng.random((PERSONS, ITEMS)) < truth.chance(rng.normal(0, 1, PERSONS))).astype(np.int64)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.npy"
        np.save(path, matrix)
        ours_s, peer_s = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            fitted = irt.fit(irt.Answers.of(matrix), "2pl")
            ours_s.append(time.perf_counter() - began)
            peer = _peer(path)
            peer_s.append(peer.seconds)
    off_a, off_b = fitted.bank.a - truth.a, fitted.bank.b - truth.b
    rmse_a, rmse_b = _rmse(off_a), _rmse(off_b)
    inside = np.abs([off_a, off_b]) <= 1.96 * np.stack([fitted.errors.a, fitted.errors.b])
    return {
        "fit_s": min(ours_s),
        "peer_fit_s": min(peer_s),
        "time_of_peer": min(ours_s) / min(peer_s),
        "difficulty_rmse": rmse_b,
        "slope_rmse": rmse_a,
        "difficulty_rmse_of_peer": rmse_b / _rmse(np.asarray(peer.b) - truth.b),
        "slope_rmse_of_peer": rmse_a / _rmse(np.asarray(peer.a) - truth.a),
        "within_95": float(inside.mean()),
        "peer": (environments.PEERS / "girth.txt").read_text().splitlines()[0],
    }


def _peer(path: Path) -> _Peer:
    command = [str(environments.python_of("girth")), str(environments.PEERS / "girth_fit.py"), str(path)]
    return _Peer(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _rmse(off: np.ndarray) -> float:
    return float(np.sqrt(np.mean(off * off)))


def _answers(name: str) -> irt.Answers:
    return irt.Answers.of(_matrix(name, "responses.csv"))


def _matrix(name: str, file: str) -> np.ndarray:
    return np.genfromtxt(harness.data_folder(name) / file, delimiter=",", skip_header=1)


if __name__ == "__main__":
    main()
