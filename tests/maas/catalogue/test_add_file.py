"""A school brings a model file: stored, registered, located; or refused, with nothing left behind."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.maas.catalogue import model_files as files

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db, errors, storage
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface, tables
from shuyuan.maas.catalogue.service import CatalogueService

OURS, THEIRS, ACTOR = "school-a", "school-b", "someone"
SPEC = {"labels": ["零", "one", "two"], "image": {"size": [28, 28], "channels": 1}}


class Desk:
    """A catalogue that takes files up to 100,000 bytes."""

    def __init__(self, database: db.Database, vault: crypto.Vault, home: Path) -> None:
        self.database, self.home = database, home
        settings = Settings(home=home, cache=home / "cache", starter="none", max_model_bytes=100_000)
        self.store = storage.Storage((home / "artefacts").as_uri())
        self.catalogue = CatalogueService(database, self.store, kernel_audit.Audit(vault), settings)

    def add(self, content: bytes, model: str = "digits", school_id: str = OURS, **more: object) -> interface.Version:
        given: dict[str, object] = {"runner": "onnx", "source": io.BytesIO(content), **more}
        return self.catalogue.add_file(school_id, ACTOR, model=model, **given)  # type: ignore[arg-type]

    def count(self) -> int:
        with self.database.read() as conn:
            return conn.execute(select(func.count()).select_from(tables.version)).scalar_one()

    def left(self) -> list[str]:
        return sorted(p.name for p in self.home.rglob("*") if p.is_file() and not p.name.startswith("shuyuan.db"))


@pytest.fixture
def desk(database: db.Database, vault: crypto.Vault, tmp_path: Path) -> Desk:
    return Desk(database, vault, tmp_path)


def test_a_brought_graph_is_registered_and_located_for_its_school_alone(desk: Desk) -> None:
    added = desk.add(files.onnx(), spec=SPEC, champion=True, reason="tests")
    assert (added.number, added.runner, added.tasks) == (1, "onnx", ("predict", "image_classify"))
    found = desk.catalogue.locate("digits", OURS)
    assert (found.school_id, found.version, found.spec) == (OURS, "models:/digits/1", SPEC)
    assert found.path.read_bytes() == files.onnx()
    for school_id in (THEIRS, interface.SHARED):
        with pytest.raises(interface.UnknownModel):
            desk.catalogue.locate("digits", school_id)
    assert desk.catalogue.alias_history(OURS, "digits")[0].reason == "tests"


def test_the_next_file_is_the_next_version_and_does_not_move_the_alias(desk: Desk) -> None:
    desk.add(files.onnx(), champion=True, reason="tests")
    second = desk.add(files.graph())
    assert second.number == 2
    assert desk.catalogue.resolve(OURS, "digits").number == 1
    moved = desk.catalogue.move_alias(OURS, ACTOR, model="digits", alias="champion", version=2, reason="better")
    assert moved.version_number == 2
    assert desk.catalogue.resolve(OURS, "digits") == second


def test_a_path_is_taken_where_it_lies_and_stays_there(desk: Desk, tmp_path: Path) -> None:
    brought = tmp_path / "brought.gguf"
    brought.write_bytes(files.gguf())
    added = desk.catalogue.add_file(OURS, ACTOR, model="talker", source=brought, runner="llama", context_tokens=512)
    assert (added.tasks, added.size_bytes, added.context_tokens) == (("chat", "complete"), len(files.gguf()), 512)
    assert brought.is_file()


def test_a_stream_is_deleted_once_it_is_stored(desk: Desk) -> None:
    added = desk.add(files.onnx())
    assert desk.left() == [added.artefact_sha256]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"content": files.pickled()}, "pickle"),
        ({"content": files.graph(tensor=files.outside("data"))}, "another file"),
        ({"content": b""}, "empty"),
        ({"source": Path("/nowhere/at/all.onnx")}, "not a file"),
        ({"content": bytes(100_001)}, "more than 100000 bytes"),
        ({"model": "Ziffern!"}, "cannot be named"),
        ({"model": "../../etc"}, "cannot be named"),
        ({"model": "tutor"}, "cannot be named 'tutor'"),
        ({"runner": "tracer"}, "runner 'tracer' is unknown"),
        ({"tasks": ("grade",)}, "task 'grade' is unknown"),
        ({"spec": {"labels": []}}, "labels"),
        ({"spec": {"features": {"columns": [1]}}}, "texts"),
        ({"spec": {"labels": ["a", "a"]}}, "twice"),
        ({"spec": {"labels": ["a", 3]}}, "no name"),
        ({"spec": {"labels": ["a\x00b"]}}, "NUL"),
        ({"spec": {"image": {"size": [28]}}}, "image"),
        ({"spec": {"image": {"size": [28, 99_999]}}}, "image"),
        ({"spec": {"image": {"size": [28, 28], "channels": 4}}}, "image"),
        ({"spec": {"scale": float("nan")}}, "not JSON"),
        ({"spec": {"x": "\ud800"}}, "not JSON"),
        ({"spec": {"x": "x" * 70_000}}, "70009 bytes|spec has"),
        ({"card": interface.LocalText(zh="x" * 5000, en="x")}, "5000 characters"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(desk: Desk, more: dict[str, object], says: str) -> None:
    with pytest.raises(errors.ShuyuanError, match=says) as told:
        desk.add(**{"content": files.onnx(), **more})  # type: ignore[arg-type]
    assert told.value.fix
    assert desk.count() == 0
    assert desk.left() == []


def test_a_full_disk_is_told_and_leaves_nothing_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(interface.NoSpace):
        desk.add(files.onnx())
    assert desk.left() == []


def test_a_failed_promotion_takes_the_version_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **more: object) -> interface.Alias:
        raise errors.Conflict("not now")

    monkeypatch.setattr(desk.catalogue, "promote", broken)
    with pytest.raises(errors.Conflict):
        desk.add(files.onnx(), champion=True, reason="tests")
    assert desk.count() == 0


@pytest.mark.parametrize("how", ["add", "move"])
def test_a_model_that_chooses_its_own_versions_is_left_to_it(desk: Desk, how: str) -> None:
    weights = interface.NewVersion(
        model="tracer",
        runner="tracer",
        artefact_sha256=desk.store.put(b"w"),
        size_bytes=1,
        card=interface.LocalText(zh="卡", en="card"),
    )
    desk.database.write(
        lambda uow: desk.catalogue.register_version(uow, school_id=OURS, actor_id=ACTOR, version=weights)
    )
    tries: dict[str, Callable[[], object]] = {
        "add": lambda: desk.add(files.onnx(), model="tracer"),
        "move": lambda: desk.catalogue.move_alias(
            OURS, ACTOR, model="tracer", alias="champion", version=1, reason="mine"
        ),
    }
    with pytest.raises(errors.Conflict, match="chooses its own versions"):
        tries[how]()
    assert desk.count() == 1


@pytest.mark.parametrize("alias", ["", "A", "x" * 65, "a/b", "\x00"])
def test_an_alias_has_a_plain_name(desk: Desk, alias: str) -> None:
    desk.add(files.onnx())
    with pytest.raises(errors.BadInput, match="alias"):
        desk.catalogue.move_alias(OURS, ACTOR, model="digits", alias=alias, version=1, reason="try")


def test_a_located_file_changed_on_disk_is_taken_from_the_store_again(desk: Desk) -> None:
    desk.add(files.onnx(), champion=True, reason="tests")
    path = desk.catalogue.locate("digits", OURS).path
    path.write_bytes(b"tampered with")
    assert desk.catalogue.locate("digits", OURS).path.read_bytes() == files.onnx()


def test_a_store_that_gives_other_bytes_serves_nothing(desk: Desk) -> None:
    added = desk.add(files.onnx(), champion=True, reason="tests")
    sha256 = added.artefact_sha256
    (desk.home / "artefacts" / sha256[:2] / sha256).write_bytes(b"swapped")
    with pytest.raises(storage.HashMismatch):
        desk.catalogue.locate("digits", OURS)
    assert desk.left() == [sha256]
