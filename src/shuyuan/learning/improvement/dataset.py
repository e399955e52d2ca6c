"""The data set of one turn: consented, pseudonymous, addressed by what it holds.

Learners become keyed hashes: the same learner has the same pseudonym in every turn of this installation, and
nobody can go back without the master key. The quarter with the smallest hashes is held out, so it stays nearly
the same from turn to turn; when the school grows, a learner may join it whom the version in use was fitted
to, which favours that version and makes the gate stricter, never looser.
"""

import hashlib
import json
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shuyuan.kernel import crypto
from shuyuan.learning.records.interface import Response
from shuyuan.science.tracing import online

HELD_OUT_SHARE = 0.25
MOST_ANSWERS = 1_000_000  # they are held in memory, some 700 bytes each


@dataclass(frozen=True)
class DataSet:
    """Answers to fit on and answers to judge by; `raw` is the stored form."""

    fit: online.Interactions
    held_out: online.Interactions
    fit_rows: Sequence[online.Answer]
    learners: int
    answers: int
    held_out_learners: int
    raw: bytes

    @property
    def sha256(self) -> str:
        """Its address, where it is stored."""
        return hashlib.sha256(self.raw).hexdigest()


def pseudonym(vault: crypto.Vault, learner_id: str) -> str:
    """The same in every turn of this installation, and what a learner who withdraws is found by in stored sets."""
    return vault.keyed_hash("data set", learner_id)[:16]


def build(vault: crypto.Vault, responses: Iterable[Response]) -> DataSet:
    """Pseudonymise and split `responses`, which come in time order: the newest MOST_ANSWERS of them."""
    every = (
        online.Answer(
            pseudonym(vault, one.learner_id),
            one.item_id,
            one.points,
            one.correct,
            (one.counted_at or one.at).timestamp(),
        )
        for one in responses
    )
    rows = list(deque(every, MOST_ANSWERS))
    table = online.Interactions.of(rows)
    names = sorted({str(row.learner) for row in rows})
    held = set(names[: math.ceil(HELD_OUT_SHARE * len(names))])
    chosen = np.asarray([row.learner in held for row in rows], dtype=np.bool_)
    raw = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return DataSet(
        table.take(np.flatnonzero(~chosen)),
        table.take(np.flatnonzero(chosen)),
        [row for row in rows if row.learner not in held],
        len(names),
        len(rows),
        len(held),
        raw,
    )
