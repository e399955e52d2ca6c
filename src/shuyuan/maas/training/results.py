"""The files a finished run leaves: predictions, spec, features, figures, result. Child processes only."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import polars
import torch

from shuyuan.maas.training import task

_CHUNK_BYTES = 1 << 20


def write_predictions(path: Path, parts: Mapping[str, task.Predictions]) -> None:
    """One table of all parts: part, row, label, prediction and the columns of numbers."""
    frames = [_frame(part, found) for part, found in parts.items()]
    if frames:
        polars.concat(frames, how="diagonal_relaxed").write_parquet(path)


def write_json(path: Path, said: Mapping[str, Any]) -> None:
    """Atomically, and safe from a power cut."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as out:
        json.dump(said, out, ensure_ascii=False, indent=1, allow_nan=False)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


def files(out: Path) -> dict[str, dict[str, Any]]:
    """Digest and size of every file."""
    return {
        path.name: {"sha256": _sha256(path), "size_bytes": path.stat().st_size}
        for path in sorted(out.iterdir())
        if path.is_file()
    }


def versions() -> dict[str, str]:
    """Of what the weights may depend on."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "polars": polars.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _frame(part: str, found: task.Predictions) -> polars.DataFrame:
    rows: Sequence[int] = range(len(found.prediction)) if found.rows is None else found.rows
    return polars.DataFrame(
        {
            "part": [part] * len(rows),
            "row": polars.Series(rows, dtype=polars.Int64),
            "label": polars.Series(found.label),
            "prediction": polars.Series(found.prediction),
            **{name: polars.Series(numpy.asarray(values)) for name, values in found.columns.items()},
        }
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
