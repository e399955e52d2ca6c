"""A comparison of the lab ends when the persons in its rows no longer agree, whichever server began it."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from shuyuan.kernel import children, outbox
from shuyuan.maas.datasets.interface import PURGED, WITHDRAWN, Column, DataSetVersion, PartInfo
from shuyuan.web import labs


class Sets:
    """Data sets that may all be read."""

    def require_trainable(self, _version: DataSetVersion) -> None: ...

    def note_use(self, _version: DataSetVersion, _by: str) -> None: ...

    def open_part(self, _version: DataSetVersion, part: str) -> Path:
        return Path(part)


class Heard:
    """Who hears what."""

    def __init__(self) -> None:
        self.by: dict[str, outbox.Handler] = {}

    def subscribe(self, kind: str, handler: outbox.Handler) -> None:
        self.by[kind] = handler


def version() -> DataSetVersion:
    columns = (Column(name="who", kind="identifier", role="person"), Column(name="ok", kind="category", role="label"))
    part = PartInfo(sha256="a" * 64, rows=1, size_bytes=1)
    return DataSetVersion(
        id="v1",
        school_id="north",
        name="marks",
        number=2,
        sha256="a" * 64,
        rows=2,
        columns=(columns[0], columns[1].model_copy(update={"distinct": 2})),
        parts={"train": part, "validation": part},
        plan={},
        created_by="ann",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


@pytest.mark.parametrize("kind", [WITHDRAWN, PURGED])
def test_a_comparison_on_withdrawn_rows_is_ended_also_by_a_server_that_did_not_begin_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labs, "COMMAND", (sys.executable, "-S", "-c", "import time; time.sleep(60)"))
    began, heard = labs.Labs(tmp_path, Sets()), Heard()  # type: ignore[arg-type]  # what a comparison asks of them
    about = began.start(version(), epochs=1, rounds=2, processes=1)
    labs.register(heard, SimpleNamespace(home=tmp_path), Sets())  # type: ignore[arg-type]
    heard.by[kind](SimpleNamespace(school_id="north", payload={"data": ["data:/other/1"]}))  # type: ignore[arg-type]
    assert began.one("north", about.id).state == "running"
    heard.by[kind](SimpleNamespace(school_id="north", payload={"data": ["data:/marks/2"]}))  # type: ignore[arg-type]
    found = began.one("north", about.id)
    assert (found.state, found.error["code"]) == ("failed", "consent_missing")
    child = json.loads((tmp_path / "labs" / "north" / about.id / "child.json").read_bytes())
    until = time.monotonic() + 30
    while alive := children.began(child["pid"]):
        assert time.monotonic() < until, alive
        time.sleep(0.01)
    assert began.one("north", about.id).state == "failed", "and its end is taken note of"


def test_rows_whose_persons_are_in_one_part_each_are_not_compared_on(tmp_path: Path) -> None:
    split = version().model_copy(update={"plan": {"split": {"by": "person"}}})
    cleaned = version().model_copy(update={"id": "v2", "number": 3, "parent_id": "v1", "plan": {"split": None}})
    sets = Sets()
    sets.version_by_id = lambda _school, _id: split  # type: ignore[attr-defined]  # what it was made of
    comparisons = labs.Labs(tmp_path, sets)  # type: ignore[arg-type]
    assert comparisons.suits(version())
    for one in (split, cleaned):
        assert not comparisons.suits(one)
        with pytest.raises(labs.PersonsApart, match="split by person"):
            comparisons.start(one, epochs=1, rounds=2, processes=1)


def test_the_child_of_a_comparison_knows_no_secret_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "import os, pathlib, sys; pathlib.Path(sys.argv[1], 'env').write_text(str(sorted(os.environ)))"
    monkeypatch.setattr(labs, "COMMAND", (sys.executable, "-S", "-c", told))
    for name in ("PGPASSWORD", "SHUYUAN_DATABASE_URL", "HF_TOKEN"):
        monkeypatch.setenv(name, "secret")
    comparisons = labs.Labs(tmp_path, Sets())  # type: ignore[arg-type]
    about = comparisons.start(version(), epochs=1, rounds=2, processes=1)
    until = time.monotonic() + 30
    while comparisons.one("north", about.id).state == "running":
        assert time.monotonic() < until
        time.sleep(0.01)
    known = (tmp_path / "labs" / "north" / about.id / "env").read_text()
    assert "PATH" in known
    assert not any(name in known for name in ("PGPASSWORD", "DATABASE_URL", "HF_TOKEN"))
