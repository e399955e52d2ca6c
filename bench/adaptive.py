"""Adaptive testing: how few items measure a thousand people, what they see of the bank, how fast the next is chosen.

`make bench NAME=adaptive` simulates examinees of known ability, then times the choice of the next item out of 10,000
beside catsim, in its own environment, on the same bank at the same abilities in the same run.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import environments, harness
from shuyuan.science.testing import adaptive
from shuyuan.science.testing.bank import Bank, Floats

ITEMS, EXAMINEES, LARGE, CHOICES, SEED, ROUNDS = 400, 1_000, 10_000, 200, 3, 3
RULES = adaptive.Rules(least=5, most=24, error=0.32)
MOST_SEEN = 0.25
GOALS: dict[str, harness.Goal] = {
    "error_reached": (">=", 0.99),
    "items_mean": ("<=", 16),
    "exposure_max": ("<=", 0.25),
    "bank_used": (">=", 0.8),
    "faster_than_catsim": (">=", 20),
    "information_of_best": (">=", 0.999),
}
PROTOCOL = (
    f"{ITEMS} 2PL items, slopes lognormal(0.35, 0.3), difficulties normal(0, 1.2); {EXAMINEES} examinees normal(0, 1), "
    f"seed {SEED}; a test ends at a standard error of {RULES.error} or {RULES.most} items; exposure bound {MOST_SEEN}; "
    "error_reached: share of examinees whose error came to the bound; control: the same number of random items; "
    f"next item: {CHOICES} choices out of {LARGE} items after 20, best of {ROUNDS} in turn with the peer; "
    "information_of_best: least share of the best item's information that a choice has"
)


class _Peer(NamedTuple):
    ms: float
    chosen: list[int]


def main() -> bool:
    """Measure, print, and say whether every goal was met."""
    return harness.report("adaptive", {**_measured(), **_chosen()}, PROTOCOL, GOALS)


def _bank(items: int, rng: np.random.Generator) -> Bank:
    return Bank.of(rng.lognormal(0.35, 0.3, items), rng.normal(0, 1.2, items))


def _measured() -> dict[str, harness.Figure]:
    rng = np.random.default_rng(SEED)
    bank, ability = _bank(ITEMS, rng), rng.normal(size=EXAMINEES)
    exposure = adaptive.Exposure(ITEMS, most=MOST_SEEN)
    outcome = adaptive.simulate(adaptive.Test(bank, RULES, exposure), ability, seed=SEED)
    assert RULES.error is not None
    return {
        "error_reached": float((outcome.error <= RULES.error).mean()),
        "error_mean": float(outcome.error.mean()),
        "items_mean": float(outcome.length.mean()),
        "items_95_of_100": float(np.quantile(outcome.length, 0.95)),
        "items_most": int(outcome.length.max()),
        "exposure_max": float(outcome.exposure.max()),
        "bank_used": outcome.bank_used,
        "bias": outcome.bias,
        "rmse": outcome.rmse,
        "control_random_items_error": _random_items(bank, ability, round(float(outcome.length.mean())), rng),
        "by_ability": [
            [low, high, people, round(bias, 3), round(error, 3)]
            for low, high, people, bias, error in outcome.by_ability(np.arange(-3, 4))
        ],
    }


def _random_items(bank: Bank, ability: Floats, length: int, rng: np.random.Generator) -> float:
    """Mean standard error when as many items are drawn at random."""
    table, errors = adaptive.Table(bank), []
    for true in ability:
        belief, chance = adaptive.Belief(), bank.chance(float(true))
        for item in rng.choice(ITEMS, length, replace=False):
            right = bool(rng.random() < chance[item])
            belief.learn(table.log_right[:, item], table.log_wrong[:, item], right)
        errors.append(belief.deviation)
    return float(np.mean(errors))


def _chosen() -> dict[str, harness.Figure]:
    rng = np.random.default_rng(SEED)
    bank, asked = _bank(LARGE, rng), rng.choice(LARGE, 20, replace=False)
    sittings = _sittings(bank, asked, rng.uniform(-2.5, 2.5, CHOICES))
    abilities = np.asarray([sitting.belief.mean for sitting in sittings])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.npz"
        upper = np.stack([bank.a, bank.b, bank.c, np.ones(LARGE)], axis=1)
        np.savez(path, bank=upper, asked=asked, abilities=abilities)
        ours_ms, peers = [], []
        for _ in range(ROUNDS):
            ms, chosen = _ours(sittings)
            ours_ms.append(ms)
            peers.append(_peer(path))
    information = bank.information(abilities)
    information[:, asked] = 0.0
    rows = np.arange(CHOICES)
    ours, theirs = information[rows, chosen], information[rows, peers[0].chosen]
    best_ms = min(peer.ms for peer in peers)
    return {
        "next_item_ms": min(ours_ms),
        "next_item_ms_catsim": best_ms,
        "faster_than_catsim": best_ms / min(ours_ms),
        "information_of_best": float((ours / information.max(1)).min()),
        "information_of_best_catsim": float((theirs / information.max(1)).min()),
        "peer": (environments.PEERS / "catsim.txt").read_text().splitlines()[0],
    }


def _sittings(bank: Bank, asked: np.ndarray, abilities: Floats) -> list[adaptive.Sitting]:
    """People of about these abilities who were asked the same items, each at the next question."""
    test = adaptive.Test(bank, adaptive.Rules(most=LARGE, error=None, criterion="information"))
    sittings = []
    for ability in abilities:
        sitting = test.begin(np.random.default_rng(0))
        for item in asked:
            sitting.answer(int(item), True)
        sitting.belief = adaptive.Belief(float(ability), 0.3)
        sitting.next()  # what a belief sums up at its first question is part of the answer before it
        sittings.append(sitting)
    return sittings


def _ours(sittings: list[adaptive.Sitting]) -> tuple[float, list[int]]:
    began = time.perf_counter()
    chosen = [sitting.next() for sitting in sittings]
    return 1e3 * (time.perf_counter() - began) / len(sittings), [item for item in chosen if item is not None]


def _peer(path: Path) -> _Peer:
    command = [str(environments.python_of("catsim")), str(environments.PEERS / "catsim_select.py"), str(path)]
    return _Peer(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


if __name__ == "__main__":
    main()
