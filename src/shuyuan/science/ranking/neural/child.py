"""The main of a child process: profiles and what came of them in, a checked `Outlook` out.

`python -m shuyuan.science.ranking.neural.child` reads one JSON object from standard input (`rows`, `kinds`, `targets`,
`person`, `seed`) and writes safetensors to standard output; nothing touches a disk. A head is handed over only where
it foretold better, on people it had not seen, than the mere share of all would have; none left: exit code 65.
"""

import json
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from shuyuan.science.ranking.neural import training
from shuyuan.science.ranking.profiles import Kind, Row

FOLDS, NOTHING_LEARNT, REFUSED = 4, 65, 64
FEWEST_OF_EACH, SURE = 5, 1.645


def main() -> int:
    """Exit code of the process."""
    torch.set_num_threads(1)
    job = json.load(sys.stdin)
    rows: list[Row] = [{key: _word(value) for key, value in row.items()} for row in job["rows"]]
    targets = {
        head: np.array([np.nan if one is None else one for one in known]) for head, known in job["targets"].items()
    }
    try:
        kept = better_than_shares(rows, job["kinds"], targets, np.array(job["person"]), job["seed"])
        if not kept:
            return NOTHING_LEARNT
        model = training.train(rows, job["kinds"], targets, person=job["person"], hidden=(16,), seed=job["seed"])
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(model.only(kept).to_bytes())
    return 0


def better_than_shares(
    rows: Sequence[Row], kinds: Mapping[str, Kind], targets: Mapping[str, np.ndarray], person: np.ndarray, seed: int
) -> list[str]:
    """The heads whose log loss over `FOLDS` parts of unseen people lies surely below that of a mere share."""
    people = np.random.default_rng(seed).permutation(np.unique(person))
    fold = {who: at % FOLDS for at, who in enumerate(people.tolist())}
    part = np.array([fold[who] for who in person.tolist()])
    ours, shares = (
        {head: np.full(len(rows), np.nan) for head in targets},
        {head: np.full(len(rows), np.nan) for head in targets},
    )
    for at in range(FOLDS):
        inside, out = np.flatnonzero(part != at), np.flatnonzero(part == at)
        seen = {head: known[inside] for head, known in targets.items()}
        known_rows = [rows[i] for i in inside.tolist()]
        model = training.train(known_rows, kinds, seen, person=person[inside], hidden=(16,), seed=seed)
        p = model.predict([rows[i] for i in out.tolist()])
        for column, head in enumerate(targets):
            ours[head][out] = p[:, column]
            shares[head][out] = np.nanmean(seen[head]) if np.isfinite(seen[head]).any() else 0.5
    return [head for head, known in targets.items() if _better(known, ours[head], shares[head])]


def _better(known: np.ndarray, ours: np.ndarray, shares: np.ndarray) -> bool:
    """Lower by more than chance: the mean of the rows' differences lies `SURE` standard errors above none."""
    judged = np.isfinite(known)
    y = known[judged]
    if judged.sum() < training.FEWEST or min(y.sum(), (1 - y).sum()) < FEWEST_OF_EACH:
        return False
    gained = _losses(y, shares[judged]) - _losses(y, ours[judged])
    return bool(gained.mean() > SURE * gained.std(ddof=1) / np.sqrt(len(y)))


def _losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    inside = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(-np.where(y == 1, np.log(inside), np.log(1 - inside)))


def _word(value: object) -> str | float | tuple[str, ...] | None:
    if isinstance(value, list):
        return tuple(str(one) for one in value)
    return value if isinstance(value, str | float) or value is None else float(str(value))


if __name__ == "__main__":
    sys.exit(main())
