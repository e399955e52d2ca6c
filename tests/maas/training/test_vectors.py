"""Sentence vectors in a run's folder."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

from shuyuan.maas.training import vectors


class Counting:
    """Computes a vector from the length of a text, and counts."""

    def __init__(self) -> None:
        self.seen = list[str]()

    def close(self) -> None:
        pass


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Counting:
    made = Counting()

    def computed(_: object, texts: list[str]) -> vectors.Floats:
        made.seen += texts
        return np.array([[len(text)] * vectors.WIDTH for text in texts], np.float32)

    monkeypatch.setattr(vectors, "_reader", lambda model: made)
    monkeypatch.setattr(vectors, "_vectors", computed)
    monkeypatch.setattr(vectors, "run_folder", lambda: tmp_path)
    return made


def test_each_text_is_computed_once_and_given_in_the_order_asked(reader: Counting) -> None:
    assert vectors.of(["bb", "a", "bb"], "embed")[:, 0].tolist() == [2, 1, 2]
    assert reader.seen == ["a", "bb"]
    assert vectors.of(["ccc", "a"], "embed")[:, 0].tolist() == [3, 1]
    assert reader.seen == ["a", "bb", "ccc"]


def test_half_a_record_left_by_a_kill_is_cut_off_and_computed_again(reader: Counting, tmp_path: Path) -> None:
    vectors.of(["a", "bb"], "embed")
    file = tmp_path / "vectors-embed.bin"
    file.write_bytes(file.read_bytes()[:-7])
    assert vectors.of(["a", "bb"], "embed")[:, 0].tolist() == [1, 2]
    assert reader.seen == ["a", "bb", "bb"]
    again = vectors.of(["a", "bb"], "embed")
    assert (again == [[1], [2]]).all()  # what came behind the cut is whole
    assert reader.seen == ["a", "bb", "bb"]
    assert vectors.of([], "embed").shape == (0, vectors.WIDTH)
