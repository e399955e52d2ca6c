"""Parts as columns and back, for processes of other rooms."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shuyuan.maas.datasets import frames


def test_columns_come_as_features_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    pl.DataFrame(
        {
            "whole": [1, 2],
            "gap": [1, None],
            "word": ["a", None],
            "moment": [datetime(2026, 9, 1), None],
            "list": [[1, 2], []],
            "truth": [True, None],
        }
    ).write_parquet(path)
    table = frames.read(path)
    assert np.asarray(table["whole"]).dtype == np.int64
    assert np.isnan(np.asarray(table["gap"])[1])
    assert np.isnat(np.asarray(table["moment"])[1])
    assert (table["word"], table["list"], table["truth"]) == (["a", None], [[1, 2], []], [True, None])
    assert list(frames.read(path, ["word"])) == ["word"]


def test_what_is_written_is_read_again_and_is_the_same_bytes(tmp_path: Path) -> None:
    table: dict[str, Any] = {"p": np.array([[0.1, 0.9], [0.5, 0.5]]), "label": ["a", "b"], "n": np.arange(2)}
    digests = []
    for name in ("one", "other"):
        frames.write(tmp_path / name, table)
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    again = frames.read(tmp_path / "one")
    assert [list(row) for row in again["p"]] == [[0.1, 0.9], [0.5, 0.5]]
