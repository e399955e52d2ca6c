"""A line of ten gigabytes costs no more than the cap, wherever it is met."""

import io
from pathlib import Path
from typing import IO, cast

import pytest

from shuyuan.maas.datasets import intake, interface
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.reading import lines

TEN_GB = 10 << 30


class Endless(io.RawIOBase):
    """Ten gigabytes of one letter, made when asked for."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        size = min(size, TEN_GB - self.given)
        self.given += size
        return b"a" * size


def test_a_line_of_ten_gigabytes_is_refused_once_it_is_over_the_cap(tmp_path: Path) -> None:
    source, bounds = Endless(), Bounds(max_bytes=TEN_GB * 2, max_line_bytes=4 << 20)
    with pytest.raises(interface.LineTooLong, match="line 1 has more than 4,194,304 bytes"):
        intake.take(cast(IO[bytes], source), tmp_path / "work" / "input", "csv", bounds)
    assert source.given <= 6 << 20
    assert not (tmp_path / "work" / "input").exists()


def test_a_sparse_file_with_such_a_line_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.csv"
    with sparse.open("wb") as out:
        out.write(b"a,b\n1,2\n")
        out.truncate(TEN_GB)
    with pytest.raises(interface.BadData):
        lines.plain(sparse, tmp_path / "plain", Bounds())
    with pytest.raises(interface.LineTooLong, match="line 3"):
        lines.plain(sparse, tmp_path / "plain", Bounds(), "utf-8")


@pytest.mark.parametrize("block", [1, 3, 7, 1000])
def test_the_guard_counts_lines_across_blocks(block: int) -> None:
    content = b"short\n" + b"x" * 10 + b"\n" + b"y" * 11 + b"\n"
    with pytest.raises(interface.LineTooLong):
        seen(content, block, 10)
    assert seen(content, block, 11).line == 4


def seen(content: bytes, block: int, most: int) -> lines.LineGuard:
    guard = lines.LineGuard(most)
    for at in range(0, len(content), block):
        guard.see(content[at : at + block])
    return guard
