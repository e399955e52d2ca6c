"""Starters as the child finds them."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

from shuyuan.maas.catalogue import starters as catalogue
from shuyuan.maas.training import starters, task


@pytest.mark.parametrize("name", starters.STARTERS)
def test_hash_and_name_are_those_the_catalogue_vouches_for(name: str) -> None:
    entry = catalogue.ENTRIES[name]
    assert starters.STARTERS[name] == (entry.sha256, entry.filename)


def test_a_file_that_is_missing_or_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUYUAN_CACHE", str(tmp_path))
    with pytest.raises(task.BadTraining, match="not on this machine"):
        starters.path("tiny")
    sha256, filename = starters.STARTERS["tiny"]
    (tmp_path / sha256).mkdir()
    (tmp_path / sha256 / filename).write_bytes(b"something else")
    with pytest.raises(task.BadTraining, match="has changed"):
        starters.path("tiny")
