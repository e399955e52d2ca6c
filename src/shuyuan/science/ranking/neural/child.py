"""The main of a child process: profiles and what came of them in, an `Outlook` and how well it foretells out.

`python -m shuyuan.science.ranking.neural.child` reads one JSON object from standard input (`rows`, `kinds`, `targets`,
`person`, `seed`). It writes one line of JSON, the figures of each head on people it had not seen, and then safetensors;
nothing touches a disk. Heads that cannot be judged are left out; none left: exit code 65. Whether a head is good
enough to be used is for the reader of the figures to say.
"""

import json
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from shuyuan.science import metrics
from shuyuan.science.ranking.neural import training
from shuyuan.science.ranking.profiles import Kind, Row

FOLDS, NOTHING_TO_JUDGE, REFUSED = 4, 65, 64
FEWEST_OF_EACH, BINS = 5, 5  # people with and without, for a head to be judged


def main() -> int:
    """Exit code of the process."""
    torch.set_num_threads(1)
    job = json.load(sys.stdin)
    rows: list[Row] = [{key: _word(value) for key, value in row.items()} for row in job["rows"]]
    targets = {
        head: np.array([np.nan if one is None else one for one in known]) for head, known in job["targets"].items()
    }
    try:
        found = figures(rows, job["kinds"], targets, np.array(job["person"]), job["seed"])
        if not found:
            return NOTHING_TO_JUDGE
        model = training.train(rows, job["kinds"], targets, person=job["person"], hidden=(16,), seed=job["seed"])
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(json.dumps(found).encode() + b"\n" + model.only(list(found)).to_bytes())
    return 0


def figures(
    rows: Sequence[Row], kinds: Mapping[str, Kind], targets: Mapping[str, np.ndarray], person: np.ndarray, seed: int
) -> dict[str, dict[str, float]]:
    """head → figures, over `FOLDS` parts of unseen people. `share_log_loss`: what the mere share of all has,
    which is told to it: the share of the other folds would err by construction, and be too easy to beat."""
    people = np.random.default_rng(seed).permutation(np.unique(person))
    fold = {who: at % FOLDS for at, who in enumerate(people.tolist())}
    part = np.array([fold[who] for who in person.tolist()])
    ours = {head: np.full(len(rows), np.nan) for head in targets}
    for at in range(FOLDS):
        inside, out = np.flatnonzero(part != at), np.flatnonzero(part == at)
        seen = {head: known[inside] for head, known in targets.items()}
        known_rows = [rows[i] for i in inside.tolist()]
        model = training.train(known_rows, kinds, seen, person=person[inside], hidden=(16,), seed=seed)
        p = model.predict([rows[i] for i in out.tolist()])
        for column, head in enumerate(targets):
            ours[head][out] = p[:, column]
    told = {head: _judged(known, ours[head], person) for head, known in targets.items()}
    return {head: one for head, one in told.items() if one}


def _judged(known: np.ndarray, ours: np.ndarray, person: np.ndarray) -> dict[str, float]:
    """Empty where too few people are on one side. Losses are averaged over people, and `error` is the standard error of
    what was gained on the share, over people: the rows of one person are no independent witnesses."""
    there = np.isfinite(known)
    y, p, who = known[there], ours[there], person[there]
    sides = [len(np.unique(who[y == side])) for side in (0, 1)]
    if len(y) < training.FEWEST or min(sides) < FEWEST_OF_EACH:
        return {}
    _, place = np.unique(who, return_inverse=True)
    rows_of = np.bincount(place)
    lost = np.bincount(place, weights=metrics.log_losses(y, p)) / rows_of
    by_share = np.bincount(place, weights=metrics.log_losses(y, np.full(len(y), y.mean()))) / rows_of
    return {
        "log_loss": float(lost.mean()),
        "share_log_loss": float(by_share.mean()),
        "error": float((by_share - lost).std(ddof=1) / np.sqrt(len(lost))),
        "auc": float(metrics.auc(y == 1, p)),
        "calibration_error": float(metrics.expected_calibration_error(y == 1, p, bins=BINS)),
        "calibration_by_chance": _calibration_by_chance(p),
        "people": float(len(lost)),
    }


def _calibration_by_chance(p: np.ndarray) -> float:
    """The calibration error that chances which are all honest stay below in 95 of 100 draws."""
    rng = np.random.default_rng(0)
    drawn = [metrics.expected_calibration_error(rng.random(len(p)) < p, p, bins=BINS) for _ in range(200)]
    return float(np.quantile(drawn, 0.95))


def _word(value: object) -> str | float | tuple[str, ...] | None:
    if isinstance(value, list):
        return tuple(str(one) for one in value)
    return value if isinstance(value, str | float) or value is None else float(str(value))


if __name__ == "__main__":
    sys.exit(main())
