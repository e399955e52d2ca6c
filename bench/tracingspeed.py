"""Training speed beside pyKT's nets: same machine, same run, in turns, 64 pieces of 200 places at most a batch.

Counted are real interactions, not padding. pyKT cuts every learner into pieces padded to 200, ours share a batch with
pieces of like length. pyKT is given an item's first point only, ours all of them. CPU seconds decide: other processes
of the machine do not count in them.
"""

import importlib
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench import environments, harness
from shuyuan.science.tracing.interactions import Interactions

LENGTH, PIECES, UPDATES = 200, 64, 8
MODELS = ("dkt", "sakt", "akt")
GOAL = 5.0


def figures(table: Interactions) -> dict[str, harness.Figure]:
    """Interactions a CPU second of ours and of pyKT; what kept pyKT from running, if anything did."""
    found: dict[str, harness.Figure] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pieces.npz"
        sizes = {"items": len(table.item_ids), "points": len(table.point_ids), "updates": UPDATES}
        np.savez(path, allow_pickle=False, **_padded(table), **{key: np.asarray(n) for key, n in sizes.items()})
        for name in MODELS:
            ours = _ours(name, table)
            found[f"train_{name}_per_cpu_s"] = round(ours)
            try:
                peer = _peer(name, path)
            except (subprocess.CalledProcessError, OSError) as wrong:
                found[f"train_{name}_peer"] = f"not measured: {str(getattr(wrong, 'stderr', wrong))[-120:]}"
                continue
            found[f"train_{name}_peer_per_cpu_s"] = round(peer)
            found[f"train_{name}_of_peer"] = round(ours / peer, 2)
    return found


def _ours(name: str, table: Interactions) -> float:
    """One pass after a short one to warm, on one thread."""
    torch = importlib.import_module("torch")
    events = importlib.import_module("shuyuan.science.tracing.neural.events")
    training = importlib.import_module("shuyuan.science.tracing.neural.training")
    module = importlib.import_module(f"shuyuan.science.tracing.neural.{name}")
    torch.set_num_threads(1)
    vocabulary = importlib.import_module("shuyuan.science.tracing.vocabulary").Vocabulary.of(table)
    packed = events.Packed(table, vocabulary, longest=module.RECIPE.longest)
    net = _net(module, len(vocabulary.item_ids), len(vocabulary.point_ids))
    run = training.Run(net, packed, training.Recipe(positions=LENGTH * PIECES, updates=1), 0)
    run.epoch(0)
    began = time.process_time()
    run.epoch(1)
    return float(packed.pieces.events / (time.process_time() - began))


def _net(module: Any, items: int, points: int) -> Any:  # Any: a module of the family, and its net
    return getattr(module, {"dkt": "Dkt", "sakt": "Sakt", "akt": "Akt"}[module.NAME])(items, points)


def _peer(name: str, path: Path) -> float:
    script = environments.PEERS / "pykt_train.py"
    command = [str(environments.python_of("pykt")), str(script), name, str(path), "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return float(told["interactions"] / told["cpu_s"])


def _padded(table: Interactions) -> dict[str, npt.NDArray[Any]]:  # Any: whole numbers and flags
    """(pieces, LENGTH) item, first point, right, mask."""
    order = np.argsort(table.learner, kind="stable")
    bounds = np.flatnonzero(np.diff(table.learner[order])) + 1
    pieces = [own[at : at + LENGTH] for own in np.split(order, bounds) for at in range(0, len(own), LENGTH)]
    pieces = [piece for piece in pieces if len(piece) > 1]
    there = np.arange(LENGTH)[None, :] < np.asarray([len(piece) for piece in pieces])[:, None]
    row = np.zeros(there.shape, np.int64)
    row[there] = np.concatenate(pieces)
    first = np.append(table.point, 0)[table.starts[:-1]]
    columns = {"item": table.item, "point": first, "right": table.correct.astype(np.int64)}
    padded = {f"train_{name}": np.where(there, column[row], 0) for name, column in columns.items()}
    return {**padded, "train_mask": there}
