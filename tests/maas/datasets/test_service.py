"""Data sets from file to version: registered whole or not at all, each school for itself."""

import errno
import hashlib
import os
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select
from tests.maas.datasets.conftest import ACTOR, Room, room_of
from tests.maas.datasets.files import lines, statement

from shuyuan.compose import Platform
from shuyuan.kernel import audit, errors, storage
from shuyuan.maas.datasets import interface, tables

MARKS = b"student_id,age,mark,label\n" + b"".join(
    f"s{at % 30},{9 + at % 5},{at % 100 / 10},{'pass' if at % 3 else 'fail'}\n".encode() for at in range(200)
)
SPLIT = {"by": "stratified"}
LONG = b"n,t\n" + b"".join(f"{at},words of row {at}\n".encode() for at in range(60_000))


def test_a_file_becomes_a_version_and_a_plan_makes_another_of_it(anywhere: Room) -> None:
    first = anywhere.imported(MARKS, purpose="to see")
    assert (first.uri, first.rows, list(first.parts)) == ("data:/marks/1", 200, ["train"])
    assert [(one.kind, one.role) for one in first.columns] == [
        ("identifier", "person"),
        ("integer", "feature"),
        ("number", "feature"),
        ("category", "label"),
    ]
    second = anywhere.prepared("marks", rules=[{"rule": "missing"}], split=SPLIT)
    assert (second.uri, second.parent_id, second.source) == ("data:/marks/2", first.id, "data:/marks/1")
    assert {part: info.rows for part, info in second.parts.items()} == {"train": 140, "validation": 30, "test": 30}
    assert second.plan["rules"] == [{"rule": "missing"}]
    assert second.purpose == "to see"
    assert len(anywhere.service.preview(second)) == 20
    assert anywhere.leftovers == []
    path = anywhere.service.open_part(second, "test")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == second.parts["test"].sha256
    assert pl.read_parquet(path).height == 30


def test_the_same_input_and_plan_are_the_same_version(anywhere: Room) -> None:
    first, again = anywhere.imported(MARKS), anywhere.imported(MARKS)
    assert (again.id, again.number) == (first.id, 1)
    elsewhere = anywhere.imported(MARKS, "others")
    assert elsewhere.sha256 == first.sha256
    one, other = anywhere.prepared("marks", split=SPLIT), anywhere.prepared("marks/1", split=SPLIT)
    assert one.id == other.id
    moved = anywhere.prepared("marks/1", split={**SPLIT, "seed": 8})
    assert (moved.number, moved.sha256 == one.sha256) == (3, False)


def test_references_find_the_number_or_the_newest(room: Room) -> None:
    room.imported(MARKS)
    newest = room.prepared("data:/marks/1", split=SPLIT)
    for reference in ("data:/marks", "marks", "data:/marks/2", "marks/2"):
        assert room.service.version(room.school_id, reference).id == newest.id
    for reference in ("data:/marks/3", "unknown", "models:/marks/1", "data:/marks/x", "", "\x00"):
        with pytest.raises(interface.UnknownDataSet):
            room.service.version(room.school_id, reference)


@pytest.mark.parametrize(
    "dealt",
    [
        {"split": SPLIT},
        {"augment": [{"rule": "noise"}]},
        {"rules": [{"rule": "imbalance", "action": "resample"}]},
        {"rules": [{"rule": "imbalance", "action": "weights"}]},
    ],
)
def test_rows_that_were_dealt_or_copied_are_not_dealt_anew(room: Room, dealt: dict[str, Any]) -> None:
    room.imported(MARKS)
    made = room.prepared("marks/1", **dealt)
    again = room.prepared(made.uri, rules=[{"rule": "constant"}])  # nor what was made of them
    for version in (made, again):
        with pytest.raises(interface.WrongColumns) as refused:
            room.prepared(version.uri, split={**SPLIT, "seed": 9})
        assert refused.value.fix == "prepare the version it was made from: data:/marks/1"


def test_a_file_that_says_its_rows_are_copies_is_not_dealt(room: Room) -> None:
    room.imported(b"x,augmented,label\n1,false,a\n2,true,b\n3,true,a\n")
    with pytest.raises(interface.WrongColumns, match="augmented"):
        room.prepared("marks", split={"by": "random"})


def test_a_school_sees_its_own_data_sets_only(anywhere: Room, tmp_path: Path) -> None:
    mine, other = anywhere.imported(MARKS), room_of(anywhere.platform, tmp_path, "south")
    assert other.service.versions(other.school_id) == []
    assert other.service.works(other.school_id) == []
    with pytest.raises(interface.UnknownDataSet):
        other.service.version(other.school_id, "marks/1")
    with pytest.raises(interface.UnknownDataSet):
        other.service.version_by_id(other.school_id, mine.id)
    with pytest.raises(interface.UnknownDataSet):
        other.prepared("marks/1", split=SPLIT)
    work = anywhere.start(MARKS)
    with pytest.raises(interface.UnknownDataSet):
        other.service.cancel(other.school_id, ACTOR, work.id)
    anywhere.service.wait(anywhere.school_id, work.id)


def test_personal_data_without_consent_may_not_be_trained_on(room: Room) -> None:
    held = room.imported(MARKS, personal=True)
    for version in (held, room.prepared("marks", split=SPLIT)):
        with pytest.raises(interface.ConsentMissing, match="have not agreed") as told:
            room.service.require_trainable(version)
        assert (told.value.error_code, told.value.status) == ("consent_missing", 403)
    agreed = room.imported(MARKS, personal=True, consent=True)
    assert (agreed.number, agreed.sha256) == (3, held.sha256)
    room.service.require_trainable(agreed)
    nobodys = b"\n".join(line.split(b",", 1)[1] for line in MARKS.splitlines())
    room.service.require_trainable(room.imported(nobodys, "nobody"))


def test_a_no_holds_for_the_same_rows_however_they_come_again(anywhere: Room) -> None:
    first = anywhere.imported(MARKS, personal=True, consent=True)
    anywhere.service.set_consent(anywhere.school_id, ACTOR, first.uri, False)
    lines = {
        "elsewhere": MARKS,
        "touched": MARKS.replace(b"\n", b"\r\n"),
    }  # the second is another file with the same rows
    for name, content in lines.items():
        for personal in (True, False):
            again = anywhere.imported(content, name, personal=personal, consent=True)
            assert (again.personal, again.consent) == (True, False)
    changed = anywhere.imported(MARKS + b"s1,9,1.5,pass\n", personal=True, consent=True)
    assert changed.consent
    anywhere.service.set_consent(anywhere.school_id, ACTOR, again.uri, True)
    anywhere.service.require_trainable(anywhere.service.version(anywhere.school_id, again.uri))


def test_rows_with_a_person_are_personal_whatever_is_said(room: Room) -> None:
    assert room.imported(MARKS).personal
    plain = room.imported(b"who,label\n1,a\n2,b\n3,a\n", "plain")
    assert not plain.personal
    assert room.prepared("plain", columns={"who": {"role": "person"}}).personal


def test_a_no_to_one_version_is_a_no_to_all_that_share_its_rows(room: Room) -> None:
    service, school_id = room.service, room.school_id
    content = MARKS.replace(b"student_id", b"who")
    first = room.imported(content, consent=True)
    second = room.prepared(first.uri, split=SPLIT)
    service.require_trainable(first)
    named = room.prepared(first.uri, columns={"who": {"role": "person"}})
    assert [one.personal for one in service.versions(school_id)] == [True] * 3, "one that shares their rows says so"
    again = room.imported(content, "again", consent=True)
    assert again.personal
    for raw in (first, second, again):
        with pytest.raises(interface.RawPersons, match="'who' of data:"):
            service.require_trainable(service.version(school_id, raw.uri))
    service.require_trainable(named)
    service.set_consent(school_id, ACTOR, named.uri, False, "families said no")
    for one in (first, second, named, again):
        with pytest.raises(interface.ConsentMissing):
            service.require_trainable(service.version(school_id, one.uri))
    back = room.imported(content, "back", consent=True)
    assert (back.personal, back.consent) == (True, False)
    assert [one.code for one in back.findings if one.rule == "consent"] == ["no_stands"]


def test_a_table_with_one_class_or_an_empty_column_says_so_when_it_comes(room: Room) -> None:
    version = room.imported(b"a,b,label\n1,,x\n2,,x\n3,,x\n")
    assert [(one.column, one.code) for one in version.findings[1:]] == [("b", "no_value"), ("label", "one_class")]


def test_consent_that_is_taken_back_is_taken_back_from_what_was_made_of_it(anywhere: Room) -> None:
    first = anywhere.imported(MARKS, personal=True, consent=True)
    second = anywhere.prepared("marks", split=SPLIT)
    anywhere.service.require_trainable(second)
    assert not anywhere.service.set_consent(anywhere.school_id, ACTOR, first.uri, False).consent
    for version in anywhere.service.versions(anywhere.school_id):
        with pytest.raises(interface.ConsentMissing):
            anywhere.service.require_trainable(version)
    assert anywhere.service.set_consent(anywhere.school_id, ACTOR, first.uri, True).consent
    assert not anywhere.service.version(anywhere.school_id, second.uri).consent


def test_statements_are_personal_whatever_is_said_and_pseudonyms_are_those_of_the_school(
    room: Room, tmp_path: Path
) -> None:
    content, told = lines(statement(success=True), statement("bob@x.example")), {"filename": "log.json"}
    version = room.imported(content, "log", **told)
    assert version.personal
    assert version.column("actor").role == "person"
    other = room_of(room.platform, tmp_path, "south").imported(content, "log", **told)
    mine, theirs = (
        pl.read_parquet(room.service.open_part(one, "train"))["actor"].to_list() for one in (version, other)
    )
    assert not set(mine) & set(theirs)


@pytest.mark.parametrize(
    ("content", "told", "code"),
    [
        (b"a,b\n1,2,3\n", {}, "wrong_columns"),
        (b"a,b\n", {}, "empty_data"),
        (MARKS, {"columns": {"no": {"kind": "number"}}}, "wrong_columns"),
        (b"no zip", {"filename": "pictures.zip"}, "bad_data"),
        (b'{"a": 1}\nno\n', {"filename": "rows.jsonl"}, "bad_data"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_nothing(room: Room, content: bytes, told: dict[str, Any], code: str) -> None:
    work = room.start(content, **told)
    with pytest.raises(errors.ShuyuanError) as raised:
        room.service.wait(room.school_id, work.id, 60)
    assert raised.value.error_code == code
    assert raised.value.fix
    assert room.service.work(room.school_id, work.id).state == "failed"
    assert room.service.versions(room.school_id) == []
    assert (room.leftovers, room.stored) == ([], [])


def test_a_plan_that_leaves_one_class_registers_nothing(room: Room) -> None:
    room.imported(b"x,label\n1,a\n2,a\n3,a\n")
    with pytest.raises(interface.OneClass):
        room.prepared("marks", rules=[{"rule": "imbalance"}])
    assert len(room.service.versions(room.school_id)) == 1
    with pytest.raises(errors.BadInput, match="no rule 'wash'"):
        room.prepared("marks", rules=[{"rule": "wash"}])
    assert room.leftovers == []


def test_an_unknown_ending_an_empty_file_and_one_over_the_cap_are_refused_at_once(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(interface.BadData, match="does not say what it is"):
        room.start(MARKS, filename="marks.xyz")
    with pytest.raises(interface.EmptyData):
        room.start(b"")
    monkeypatch.setattr(room.service, "bounds", room.service.bounds.model_copy(update={"max_bytes": 100}))
    with pytest.raises(errors.TooLarge, match="more than 100 bytes"):
        room.start(MARKS)
    assert (room.service.works(room.school_id), room.leftovers) == ([], [])


def test_without_the_library_of_tables_the_extra_is_named(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    version = room.imported(MARKS)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    for attempt in (lambda: room.start(MARKS), lambda: room.prepared(version.uri)):
        with pytest.raises(interface.NotInstalled, match="polars") as told:
            attempt()
        assert told.value.fix == "install the extra `data`"


def test_a_full_disk_is_told_and_leaves_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=0))
        with pytest.raises(interface.NoSpace):
            room.start(MARKS)
    assert room.leftovers == []
    with monkeypatch.context() as patched:
        patched.setattr(storage.Storage, "put_file", full)
        work = room.start(MARKS)
        with pytest.raises(interface.NoSpace):
            room.service.wait(room.school_id, work.id, 60)
    assert room.service.versions(room.school_id) == []
    assert room.leftovers == []
    assert room.imported(MARKS).number == 1


def test_a_version_that_was_used_or_has_children_is_not_deleted(anywhere: Room) -> None:
    first = anywhere.imported(MARKS)
    second = anywhere.prepared("marks", split=SPLIT)
    with pytest.raises(interface.DataSetInUse, match="1 versions made from it"):
        anywhere.service.delete(anywhere.school_id, ACTOR, "marks/1")
    for _ in range(2):
        anywhere.service.note_use(second, "runs:/abc")
    anywhere.service.note_use(second, "runs:/xyz")
    assert anywhere.service.version(anywhere.school_id, "marks/2").used_by == 2
    with pytest.raises(interface.DataSetInUse, match="used 2 times"):
        anywhere.service.delete(anywhere.school_id, ACTOR, "marks/2")
    third = anywhere.prepared("marks/1", split={**SPLIT, "seed": 9})
    part = anywhere.service.open_part(third, "train")
    anywhere.service.delete(anywhere.school_id, ACTOR, third.uri)
    assert not part.exists()
    with pytest.raises(interface.UnknownDataSet):
        anywhere.service.version(anywhere.school_id, third.uri)
    assert anywhere.service.version(anywhere.school_id, "marks/1").id == first.id


def test_what_is_done_is_in_the_activity_log(anywhere: Room) -> None:
    version = anywhere.imported(MARKS)
    anywhere.service.note_download(version, ACTOR, "train", "csv")
    anywhere.service.delete(anywhere.school_id, ACTOR, "marks/1")
    with anywhere.platform.get("db").read() as conn:
        found = conn.execute(select(audit.entry).where(audit.entry.c.object_id == version.id)).all()
    assert [row.action for row in found] == ["data_set.imported", "data_set.downloaded", "data_set.deleted"]
    assert found[0].detail["rows"] == 200


def test_a_changed_part_is_copied_again_and_a_damaged_store_is_told(room: Room) -> None:
    version = room.imported(MARKS)
    path = room.service.open_part(version, "train")
    path.write_bytes(b"other rows")
    assert hashlib.sha256(room.service.open_part(version, "train").read_bytes()).hexdigest() == path.stem
    room.stored[0].write_bytes(b"damaged")
    path.unlink()
    with pytest.raises(storage.HashMismatch):
        room.service.open_part(version, "train")
    assert not path.exists()
    with pytest.raises(interface.UnknownPart, match="no part 'test'"):
        room.service.open_part(version, "test")


def test_a_work_that_is_cancelled_ends_and_leaves_nothing(room: Room) -> None:
    running, waiting = room.start(LONG), room.start(MARKS, "others")
    assert room.service.cancel(room.school_id, ACTOR, waiting.id).state == "cancelled"
    assert room.service.cancel(room.school_id, ACTOR, running.id).state == "cancelled"
    after = room.imported(MARKS, "after")
    assert [one.id for one in room.service.versions(room.school_id)] == [after.id]
    assert room.leftovers == []
    assert room.service.cancel(room.school_id, ACTOR, running.id).state == "cancelled"
    with pytest.raises(errors.Conflict, match="was cancelled"):
        room.service.wait(room.school_id, running.id)


def child_of(room: Room) -> int:
    """The process that works now."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for child in list(room.service._works.supervision.children.running.values()):
            assert child.pid is not None
            return child.pid
        time.sleep(0.005)
    raise AssertionError("no work began")


def test_a_work_whose_process_is_killed_fails_and_leaves_nothing(room: Room) -> None:
    work = room.start(LONG)
    os.kill(child_of(room), signal.SIGKILL)
    with pytest.raises(interface.BadData, match="signal 9"):
        room.service.wait(room.school_id, work.id, 60)
    assert (room.service.versions(room.school_id), room.leftovers) == ([], [])


def test_what_a_process_left_is_taken_up_by_the_next(anywhere: Room) -> None:
    work, queued = anywhere.start(LONG), anywhere.start(MARKS, "others")
    child_of(anywhere)
    anywhere.service.close()
    with anywhere.platform.get("db").read() as conn:
        states = set(conn.execute(select(tables.work.c.state)).scalars())
    assert states <= {"running", "queued"}
    next_process = Platform(anywhere.platform.settings)
    try:
        service = next_process.get("datasets")
        assert service.recover() == 2
        assert service.wait(anywhere.school_id, work.id, 60).rows == 60_000
        assert service.wait(anywhere.school_id, queued.id, 60).uri == "data:/others/1"
        assert service.recover() == 0
    finally:
        next_process.close()
    assert anywhere.leftovers == []


def test_a_work_that_another_process_holds_is_left_to_it(room: Room) -> None:
    work = room.start(LONG)
    child_of(room)
    beside = Platform(room.platform.settings)
    try:
        assert beside.get("datasets").recover() == 0
    finally:
        beside.close()
    assert room.service.wait(room.school_id, work.id, 60).number == 1
