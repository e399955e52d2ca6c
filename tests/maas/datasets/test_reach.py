"""How far a no reaches: every kind of fit, every version of a family, and files a killed process left."""

import json
import os
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from tests.maas.datasets.conftest import ACTOR, Room
from tests.maas.datasets.test_consents import CONTENT, SPLIT, agreed

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface, splittable, stopping, tables
from shuyuan.maas.evaluation import refitstore
from shuyuan.maas.training import store as training_store

RAW = CONTENT.replace(b"student_id", b"who")


def rows_of(room: Room, version: interface.DataSetVersion) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(room.service.open_part(version, part)) for part in version.parts])


def alive(room: Room) -> dict[str, interface.DataSetVersion]:
    return {one.uri: one for one in room.service.versions(room.school_id) if one.purged_at is None}


def erased(room: Room, reference: str, person: str) -> interface.DataSetVersion:
    work = room.service.erase_persons(room.school_id, ACTOR, reference, [person], "asked")
    return room.service.wait(room.school_id, work.id, 60)


def change(room: Room, version: interface.DataSetVersion, **columns: Any) -> interface.DataSetVersion:  # Any: columns
    """A version as an older platform left it."""
    query = tables.version.update().where(tables.version.c.id == version.id).values(**columns)
    room.platform.get("db").write(lambda uow: uow.conn.execute(query))
    return room.service.version_by_id(room.school_id, version.id)


def run_of(room: Room, data: str, **more: Any) -> Any:  # Any: columns, a row
    """A run, as training stores it."""
    empty = dict.fromkeys(("name", "task", "code_version", "home_id"), "x")
    told = {"school_id": room.school_id, "data": data, "data_sha256": "d" * 64, "config": {}, "seed": 7}
    told |= {"processes": 1, "threads": 1, "state": "queued", "created_by": ACTOR}
    return room.platform.get("db").write(lambda uow: training_store.add_run(uow, {**empty, **told, **more}))


def rooms_of(room: Room) -> stopping.Stopping:
    names = ("storage", "training", "evaluation", "compression", "pipelines")
    storage, *above = (room.platform.get(name) for name in names)
    training, evaluation, compression, pipelines = above
    home = room.platform.settings.home
    return stopping.Stopping(storage, training, evaluation, compression, pipelines, room.service.has_rows, home)


def test_a_withdrawal_ends_fits_with_shuffled_labels_and_trials_whose_search_has_ended(anywhere: Room) -> None:
    data = "data:/marks/1"
    fold = run_of(anywhere, data, search_id="r" * 26, trial=1)
    trial, other = run_of(anywhere, data, search_id="s" * 26, trial=1), run_of(anywhere, "data:/other/1")
    asked = {"task": "tabular_classification", "config": {}, "seed": 7, "k": 1, "by": "random", "parts": ["train"]}
    asked |= {"school_id": anywhere.school_id, "data": data, "home_id": "x", "created_by": ACTOR, "groups": []}

    def begin(uow: kernel_db.UnitOfWork) -> str:
        row = refitstore.add(uow, kind="shuffled", of_report="e" * 26, **asked)
        refitstore.change(uow, row.id, runs=[fold.id])
        found: str = row.id
        return found

    refit_id = anywhere.platform.get("db").write(begin)
    event = SimpleNamespace(school_id=anywhere.school_id, payload={"data": [data], "actor_id": ACTOR})
    rooms_of(anywhere).stop(event)  # type: ignore[arg-type]  # an event's two fields
    training = anywhere.platform.get("training")
    assert anywhere.platform.get("evaluation").refit(anywhere.school_id, refit_id).state == "cancelled"
    states = [training.run_of(anywhere.school_id, one.id).state for one in (fold, trial, other)]
    assert states == ["cancelled", "cancelled", "queued"]


def test_a_purge_takes_predictions_of_every_fit_and_leaves_those_of_another_school(anywhere: Room) -> None:
    storage, version = anywhere.platform.get("storage"), anywhere.imported(CONTENT, personal=True)
    own, shared = storage.put(b"own"), storage.put(b"shared")
    other = anywhere.platform.get("identity").create_school("south").id
    south = Room(anywhere.platform, anywhere.service, other, anywhere.folder)
    kept = south.imported(CONTENT)

    def made(room: Room, data: str, sha256: str, trial: int) -> Any:  # Any: a row
        told = {stopping.PREDICTIONS: {"sha256": sha256, "size_bytes": 1}}
        return run_of(room, data, state="finished", artefacts=told, search_id="s" * 26, trial=trial)

    run = made(anywhere, version.uri, own, 1)
    made(anywhere, version.uri, shared, 2)
    made(south, kept.uri, shared, 1)
    path = anywhere.platform.settings.home / "runs" / run.id / "out" / stopping.PREDICTIONS
    path.parent.mkdir(parents=True)
    path.write_bytes(b"own")
    anywhere.service.purge(anywhere.school_id, ACTOR, version.uri, "asked")
    rooms = rooms_of(anywhere)
    assert rooms.forget_predictions(anywhere.service.purged()) == 1
    assert (storage.has(own), storage.has(shared), path.exists()) == (False, True, False)
    anywhere.service.purge(other, ACTOR, kept.uri, "asked")
    rooms.forget_predictions(anywhere.service.purged())
    assert not storage.has(shared)


def test_files_that_a_killed_purge_left_are_gone_with_the_next_sweep(
    anywhere: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = anywhere.imported(CONTENT, personal=True)
    path = anywhere.service.open_part(version, "train")
    left = path.with_name("tmp-of-a-killed-copy")
    left.write_bytes(b"rows")
    os.utime(left, (0.0, 0.0))

    def killed(_gone: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(anywhere.service._parts, "forget", killed)
        with pytest.raises(SystemExit):
            anywhere.service.purge(anywhere.school_id, ACTOR, version.uri, "asked")
    assert (len(anywhere.stored), path.exists()) == (1, True)
    other = anywhere.imported(CONTENT.replace(b"s1", b"s9"), "other")
    kept = anywhere.service.open_part(other, "train")
    anywhere.service.sweep()
    assert [one.name for one in anywhere.stored] == [other.parts["train"].sha256]
    assert (path.exists(), left.exists(), kept.exists()) == (False, False, True)


def test_a_person_goes_from_versions_that_do_not_say_which_column_holds_persons(anywhere: Room) -> None:
    first = anywhere.imported(RAW, personal=True, consent=True, basis="x")
    with pytest.raises(interface.WrongColumns, match="no column of data:/marks/1 says which rows are whose"):
        erased(anywhere, first.uri, "s1")
    second = anywhere.prepared(first.uri, columns={"who": {"role": "person"}})
    third = anywhere.prepared(second.uri, columns={"who": {"role": "ignore"}}, split=SPLIT)
    erased(anywhere, second.uri, "s1")
    left = alive(anywhere)
    assert not set(left) & {first.uri, second.uri, third.uri}
    assert [(one.rows, rows_of(anywhere, one)["who"].n_unique()) for one in left.values()] == [(50, 5)] * 3


def test_a_version_in_which_nothing_tells_the_persons_is_named_and_can_be_purged(room: Room) -> None:
    first = room.imported(b"student_id,mark,label\n" + b"s1,1,a\ns1,2,b\n", consent=True, basis="x")
    second = room.prepared(
        first.uri, columns={"student_id": {"role": "feature"}}, rules=[{"rule": "constant", "action": "drop"}]
    )
    assert [one.name for one in second.columns] == ["mark", "label"]
    with pytest.raises(interface.WrongColumns, match="no column of data:/marks/2"):
        erased(room, first.uri, "s1")
    room.service.set_consent(room.school_id, ACTOR, second.uri, False)
    room.service.purge(room.school_id, ACTOR, second.uri, "asked")
    assert list(alive(room)) == [first.uri]


def test_a_version_in_which_nobody_was_touched_stays_in_the_family(anywhere: Room) -> None:
    content = b"student_id,mark,label\n" + b"".join(
        f"s{at % 6},{'' if at % 6 == 1 else at % 10},{'ab'[at % 2]}\n".encode() for at in range(60)
    )
    first = anywhere.imported(content, personal=True, consent=True, basis="x")
    second = anywhere.prepared(first.uri, rules=[{"rule": "missing", "by": "drop"}])
    now = erased(anywhere, first.uri, "s1")
    assert anywhere.service.version_by_id(anywhere.school_id, second.id).parent_id == now.id
    erased(anywhere, now.uri, "s2")
    left = alive(anywhere)
    assert [rows_of(anywhere, one)["student_id"].n_unique() for one in left.values()] == [4, 4]
    root = next(one for one in left.values() if one.parent_id is None)
    anywhere.service.set_consent(anywhere.school_id, ACTOR, root.uri, False, "no")
    assert not any(one.consent for one in alive(anywhere).values())


def test_a_no_goes_through_a_tombstone_to_what_was_made_from_it(room: Room) -> None:
    first, second = agreed(room)
    third = room.prepared(second.uri)
    room.service.set_consent(room.school_id, ACTOR, second.uri, False)
    change(room, second, purged_at=datetime(2026, 11, 22, tzinfo=UTC))
    change(room, third, consent=True)
    room.service.set_consent(room.school_id, ACTOR, first.uri, False, "no")
    assert not room.service.version(room.school_id, third.uri).consent
    purged = room.service.purge(room.school_id, ACTOR, first.uri, "asked")
    assert purged.versions == (first.uri, third.uri)


def test_a_withdrawn_version_is_purged_and_not_deleted(anywhere: Room) -> None:
    never = anywhere.imported(CONTENT.replace(b"s1", b"s9"), "never", personal=True)
    anywhere.service.delete(anywhere.school_id, ACTOR, never.uri)
    version = anywhere.imported(CONTENT, personal=True, consent=True, basis="x")
    anywhere.service.set_consent(anywhere.school_id, ACTOR, version.uri, False, "families said no")
    with pytest.raises(errors.Conflict, match="would forget that") as refused:
        anywhere.service.delete(anywhere.school_id, ACTOR, version.uri)
    assert refused.value.fix == "purge it"
    anywhere.service.purge(anywhere.school_id, ACTOR, version.uri, "asked")
    assert not anywhere.imported(CONTENT, personal=True, consent=True).consent


def test_identifiers_of_a_database_are_no_pseudonyms(room: Room) -> None:
    content = b"user_id,mark\n" + b"".join(f"507f1f77bcf86cd7994390{at % 6:02d},{at}\n".encode() for at in range(60))
    version = room.imported(content)
    values = rows_of(room, version)["user_id"]
    assert all(one.startswith("p-") for one in values)
    assert not values.str.contains("507f1f77").any()


def test_pseudonyms_from_before_the_mark_are_trained_on_and_get_it_when_prepared(room: Room) -> None:
    version = room.imported(CONTENT, consent=True)
    marked = rows_of(room, version)
    path = room.platform.settings.home / "old.parquet"
    marked.with_columns(pl.col("student_id").str.strip_prefix("p-")).write_parquet(path)
    part = {"sha256": room.platform.get("storage").put_file(path), "rows": 60, "size_bytes": path.stat().st_size}
    told = [one.model_dump(mode="json") for one in version.columns]
    told[0]["examples"] = [one.removeprefix("p-") for one in told[0]["examples"]]
    old = change(room, version, columns=told, parts={"train": part})
    with pytest.raises(interface.RawPersons):
        room.service.require_trainable(old)
    old = change(room, old, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    room.service.require_trainable(old)
    assert rows_of(room, room.prepared(old.uri))["student_id"].to_list() == marked["student_id"].to_list()
    now = erased(room, old.uri, "s1")
    assert all(one.startswith("p-") for one in rows_of(room, now)["student_id"])
    assert {one.rows for one in alive(room).values()} == {50}
    told[0]["examples"] = []
    with pytest.raises(interface.RawPersons):
        room.service.require_trainable(change(room, now, columns=told))


def test_no_finding_quotes_what_a_person_is_called(room: Room) -> None:
    content = b"student_id,note,mark\n" + b"".join(
        f"{'20231107x' if at == 3 else 1000 + at},{'Ann' if at == 5 else at},{at}\n".encode() for at in range(60)
    )
    version = room.imported(content)
    assert "20231107x" not in version.model_dump_json()
    assert "Ann" in str(version.findings)
    seen = interface.for_reader(version, Principal("t", room.school_id, "teacher"))
    assert "Ann" not in str(seen.findings)
    assert [one.rule for one in seen.findings] == [one.rule for one in version.findings]


def test_copies_of_rows_are_not_cut_into_folds_whatever_parts_they_are_in(room: Room) -> None:
    first = room.imported(CONTENT)
    split = room.prepared(first.uri, split=SPLIT)
    room.service.require_each_row_once(split)
    copied = room.prepared(split.uri, rules=[{"rule": "imbalance", "action": "resample"}])
    child = room.prepared(copied.uri)
    with pytest.raises(interface.WrongColumns, match=r"cannot be cut into folds: .* repeats rows") as refused:
        room.service.require_each_row_once(child)
    assert split.uri in str(refused.value.fix)
    with pytest.raises(interface.WrongColumns, match="has parts already"):
        splittable.require(split, [first])


def test_a_folder_of_a_comparison_goes_when_its_rows_may_no_longer_be_read(room: Room) -> None:
    version = room.imported(CONTENT, personal=True, consent=True, basis="x")
    place = room.platform.settings.home / "labs" / room.school_id / "one"
    place.mkdir(parents=True)
    (place / "about.json").write_text(json.dumps({"data": version.uri}))
    assert room.service.sweep() == 0
    room.service.set_consent(room.school_id, ACTOR, version.uri, False)
    assert (room.service.sweep(), place.exists()) == (1, False)
