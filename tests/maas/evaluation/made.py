"""Small tables with something planted in them, and a real logistic model on them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.interface import Report, Subject
from shuyuan.maas.runners import graph
from shuyuan.science.features import Features

Table = dict[str, Any]  # Any: arrays and lists
COLUMNS: tuple[Mapping[str, str], ...] = (
    {"name": "hours", "kind": "number", "role": "feature"},
    {"name": "town", "kind": "category", "role": "feature"},
    {"name": "band", "kind": "category", "role": "ignore"},
    {"name": "pupil", "kind": "identifier", "role": "person"},
    {"name": "passed", "kind": "category", "role": "label"},
)
REGRESSION = (
    {"name": "hours", "kind": "number", "role": "feature"},
    {"name": "town", "kind": "category", "role": "ignore"},
    {"name": "mark", "kind": "number", "role": "label"},
)


def pupils(rows: int = 600, seed: int = 1, *, bad_town: str = "", bad_band: str = "") -> Table:
    """Whoever worked more hours passed; in `bad_town` or `bad_band` it is a coin that decides."""
    rng = np.random.default_rng(seed)
    hours, town = rng.normal(5, 2, rows), rng.choice(["a", "b", "c"], rows)
    band = rng.choice(["young", "old"], rows)
    passed = hours + rng.normal(0, 0.6, rows) > 5
    coin = ((town == bad_town) | (band == bad_band)) & (rng.random(rows) < 0.7)
    passed = np.where(coin, rng.random(rows) < 0.5, passed)
    return {
        "hours": hours,
        "town": town.tolist(),
        "band": band.tolist(),
        "pupil": [f"p{n // 3}" for n in range(rows)],
        "passed": np.where(passed, "yes", "no").tolist(),
    }


def model(place: Path, table: Table, columns: Sequence[Mapping[str, str]] = COLUMNS) -> tuple[Path, dict[str, Any]]:
    """A logistic model of the label, fitted on the table: (model.onnx, spec)."""
    features = Features.fit(table, list(columns))
    x, labels = features.transform(table)["features"], features.labels
    y = features.encode_label(table)
    weights, bias = _logistic(x, y, len(labels))
    made = graph.Graph("logistic")
    given = made.input("features", "float32", ("rows", x.shape[1]))
    product = made.node("MatMul", [given, made.constant("w", weights)], "product")
    made.output(made.node("Add", [product, made.constant("b", bias)], "logits"), "float32", ("rows", len(labels)))
    path = place / "model.onnx"
    path.write_bytes(made.to_bytes())
    spec = {
        "task": "tabular_classification",
        "labels": list(labels),
        "output": "logits",
        "features": features.to_json(),
    }
    return path, spec


def job(
    place: Path,
    table: Table,
    subject: Subject,
    *,
    task: str = "tabular_classification",
    family: Any = "classification",  # Any: a Family
    columns: Sequence[Mapping[str, str]] = COLUMNS,
    personal: bool = False,
    groups: tuple[str, ...] = (),
    part: Any = "validation",
) -> folder.EvaluateJob:
    """A job on this table, written beside it."""
    path = place / "part.parquet"
    frames.write(path, table)
    head = Report(
        id="r",
        school_id="s",
        subject=subject.uri,
        data="data:/pupils/1",
        data_sha256="0" * 64,
        part=part,
        task=task,
        family=family,
        created_by="a",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    return folder.EvaluateJob(
        table=path,
        columns=tuple(folder.JobColumn.model_validate(one) for one in columns),
        head=head,
        subject=subject,
        groups=groups,
        personal=personal,
    )


def _logistic(x: NDArray[Any], y: NDArray[Any], classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    w, b, wanted = np.zeros((x.shape[1], classes)), np.zeros(classes), np.eye(classes)[y]
    for _ in range(300):
        raw = x @ w + b
        p = np.exp(raw - raw.max(axis=1, keepdims=True))
        off = (p / p.sum(axis=1, keepdims=True) - wanted) / len(x)
        w, b = w - 2.0 * x.T @ off, b - 2.0 * off.sum(axis=0)
    return w.astype(np.float32), b.astype(np.float32)
