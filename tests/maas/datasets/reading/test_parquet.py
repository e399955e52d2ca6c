"""Parquet: plain types pass, others are made plain or refused, and claims are looked at first."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.maas.datasets.files import read

from shuyuan.maas.datasets import interface
from shuyuan.maas.datasets.bounds import Bounds


def parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def test_types_become_the_few_of_this_room(tmp_path: Path) -> None:
    moment = datetime(2026, 9, 1, 8, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "small": pl.Series([1], dtype=pl.Int8),
            "single": pl.Series([1.5], dtype=pl.Float32),
            "zoned": pl.Series([moment]).dt.convert_time_zone("Asia/Shanghai"),
            "day": [date(2026, 9, 1)],
            "word": pl.Series(["x"], dtype=pl.Categorical),
            "list": [[1, 2]],
        }
    )
    found, _ = read(tmp_path, parquet(frame), "parquet")
    assert found.dtypes == [pl.Int64, pl.Float64, pl.Datetime("us"), pl.Datetime("us"), pl.String, pl.List(pl.Int64)]
    assert found["zoned"][0] == datetime(2026, 9, 1, 8)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PAR1 no more", interface.BadData),
        (parquet(pl.DataFrame({"a": []})), interface.EmptyData),
        (parquet(pl.DataFrame({"a": [{"b": 1}]})), interface.WrongColumns),
        (parquet(pl.DataFrame({"a": [1, 2, 3]}))[:-20], interface.BadData),
    ],
)
def test_what_is_damaged_empty_or_nested_is_refused(
    tmp_path: Path, content: bytes, kind: type[interface.BadData]
) -> None:
    with pytest.raises(kind):
        read(tmp_path, content, "parquet")


def test_a_file_of_more_cells_than_the_cap_is_not_unpacked(tmp_path: Path) -> None:
    zeros = parquet(pl.DataFrame({"a": [0] * 200_000}))
    assert len(zeros) < 20_000
    with pytest.raises(interface.HostileArchive, match="200,000 rows"):
        read(tmp_path, zeros, "parquet", Bounds(max_cells=100_000))
