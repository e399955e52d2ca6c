"""The data set of one turn: consented, pseudonymous, addressed by what it holds.

Learners become keyed hashes: the same learner has the same pseudonym in every turn of this installation, and
nobody can go back without the master key. The hash also decides who is held out, so that a learner whom one
version was judged on is never one that the next was fitted to.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shuyuan.kernel import crypto
from shuyuan.learning.records.interface import Response
from shuyuan.science.tracing import online

HELD_OUT_SHARE = 0.25
_BUCKETS = 1000


@dataclass(frozen=True)
class DataSet:
    """Answers to fit on and answers to judge by; `raw` is the stored form."""

    fit: online.Interactions
    held_out: online.Interactions
    learners: int
    answers: int
    held_out_learners: int
    raw: bytes


def build(vault: crypto.Vault, responses: Iterable[Response]) -> DataSet:
    """Pseudonymise and split `responses`, which come in time order."""
    rows = [
        online.Answer(vault.keyed_hash("data set", one.learner_id)[:16], one.item_id, one.points, one.correct,
                      (one.counted_at or one.at).timestamp())
        for one in responses
    ]
    table = online.Interactions.of(rows)
    names = sorted({str(row.learner) for row in rows})
    held = {name for name in names if int(name[:8], 16) % _BUCKETS < HELD_OUT_SHARE * _BUCKETS}
    chosen = np.asarray([row.learner in held for row in rows], dtype=np.bool_)
    raw = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return DataSet(
        table.take(np.flatnonzero(~chosen)), table.take(np.flatnonzero(chosen)), len(names), len(rows), len(held), raw
    )
