"""A no reaches everything: what reads the rows stops, the rows go, and one person can be taken out of all versions."""

import json
import os
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from tests.maas.datasets.conftest import ACTOR, Room

from shuyuan.kernel import errors, outbox, storage
from shuyuan.maas.datasets import interface, stopping, sweeping, tables, working

CONTENT = b"student_id,mark,label\n" + b"".join(f"s{at % 6},{at % 10},{'ab'[at % 2]}\n".encode() for at in range(60))
SPLIT = {"by": "random", "shares": [0.8, 0, 0.2]}


def agreed(room: Room) -> tuple[interface.DataSetVersion, interface.DataSetVersion]:
    """A version that persons agreed to, and a split one made from it."""
    first = room.imported(CONTENT, personal=True, consent=True, basis="letter of May")
    return first, room.prepared(first.uri, split=SPLIT)


def events(room: Room, kind: str) -> list[outbox.Event]:
    found: list[outbox.Event] = []
    box: outbox.Outbox = room.platform.get("outbox")
    box.subscribe(kind, found.append)
    box.drain()
    return found


def test_whoever_hears_of_a_withdrawal_hears_of_every_version_made_from_it(room: Room) -> None:
    first, second = agreed(room)
    assert (first.basis, second.basis) == ("letter of May", "letter of May")
    gone = room.service.set_consent(room.school_id, ACTOR, first.uri, False, "families said no")
    assert gone.basis == "families said no"
    (told,) = events(room, interface.WITHDRAWN)
    assert told.payload == {"data": [first.uri, second.uri], "actor_id": ACTOR}


def test_a_purge_leaves_who_when_and_why_and_not_one_value(anywhere: Room) -> None:
    first, second = agreed(anywhere)
    service, school_id = anywhere.service, anywhere.school_id
    service.note_use(second, "runs:/7")
    with pytest.raises(interface.StillAgreed, match="agree to training"):
        service.purge(school_id, ACTOR, first.uri, "asked to")
    service.set_consent(school_id, ACTOR, first.uri, False)
    with pytest.raises(errors.BadInput, match="no reason"):
        service.purge(school_id, ACTOR, first.uri, " ")
    path = service.open_part(second, "train")
    assert service.purge(school_id, ACTOR, first.uri, "asked to") == interface.Purged(
        versions=(first.uri, second.uri), used_by=("runs:/7",), shared_with=()
    )
    assert (anywhere.stored, path.exists()) == ([], False)
    for was in (first, second):
        left = service.version(school_id, was.uri)
        assert (left.purged_by, left.purged_why, left.sha256) == (ACTOR, "asked to", was.sha256)
        assert left.purged_at is not None
        assert service.preview(left) == []
        assert [one.examples for one in left.columns] == [()] * 3
        for asked in (
            lambda left=left: service.open_part(left, "train"),
            lambda left=left: service.require_trainable(left),
            lambda left=left: service.set_consent(school_id, ACTOR, left.uri, True),
            lambda left=left: service.delete(school_id, ACTOR, left.uri),
            lambda left=left: service.prepare(school_id, ACTOR, left.uri, interface.Plan()),
        ):
            with pytest.raises(interface.DataSetPurged, match="asked to"):
                asked()
    assert events(anywhere, interface.PURGED)[0].payload["data"] == [first.uri, second.uri]
    again = anywhere.imported(CONTENT, personal=True, consent=True)
    assert not again.consent  # the no holds for the same rows


def test_rows_that_another_version_holds_stay_and_it_is_named(room: Room) -> None:
    first = room.imported(CONTENT, personal=True)
    other = room.imported(CONTENT, "elsewhere", personal=True)
    purged = room.service.purge(room.school_id, ACTOR, first.uri, "asked to")
    assert purged.shared_with == (other.uri,)
    assert [one.uri for one in room.service.holding(room.school_id, other.parts["train"].sha256)] == [other.uri]
    assert pl.read_parquet(room.service.open_part(other, "train")).height == 60


def test_one_person_is_taken_out_of_a_version_and_of_all_made_from_it(room: Room) -> None:
    first, second = agreed(room)
    service, school_id = room.service, room.school_id
    erased = service.erase_persons(school_id, ACTOR, second.uri, ["s3"], "erased")
    now = service.wait(school_id, erased.id, 60)
    left = {one.uri: one for one in service.versions(school_id) if one.purged_at is None}
    assert sorted(left) == ["data:/marks/3", "data:/marks/4"]
    assert (now.uri, now.rows, now.consent, now.source) == ("data:/marks/3", 50, True, first.uri)
    assert (left["data:/marks/4"].rows, left["data:/marks/4"].parent_id) == (50, now.id)
    assert left["data:/marks/4"].parts.keys() == second.parts.keys()
    whole = pl.concat([pl.read_parquet(service.open_part(one, "train")) for one in left.values()])
    assert whole["student_id"].n_unique() == 5
    assert '"s3"' not in json.dumps([one.model_dump(mode="json") for one in service.versions(school_id)])
    assert all(service.version(school_id, one.uri).purged_why == "erased" for one in (first, second))
    with pytest.raises(interface.DataSetPurged):
        service.erase_persons(school_id, ACTOR, first.uri, ["s4"], "erased")
    nobody = service.wait(school_id, service.erase_persons(school_id, ACTOR, now.uri, ["s3"], "again").id, 60)
    assert (nobody.uri, nobody.purged_at) == (now.uri, None)
    assert not room.imported(CONTENT, personal=True, consent=True).consent  # who came again with the old file


def test_no_version_holds_what_a_person_is_called(room: Room) -> None:
    first = room.imported(b"student_id,who,label\n71001,Ann,a\n71002,Bob,b\n71003,Ann,a\n", consent=True)
    values = pl.read_parquet(room.service.open_part(first, "train"))["student_id"].to_list()
    assert all(one.startswith("p-") for one in values)
    assert ("71001" in first.model_dump_json(), first.column("student_id").kind) == (False, "identifier")
    second = room.prepared(first.uri, columns={"who": {"role": "person"}})
    table = pl.read_parquet(room.service.open_part(second, "train"))
    assert table["student_id"].to_list() == values  # once is enough
    assert table["who"].n_unique() == 2
    assert not {"Ann", "Bob"} & set(table["who"])
    assert [one.rule for one in second.findings if one.column == "who"] == ["pseudonyms"]


def test_a_version_from_before_pseudonyms_is_not_trained_on_until_it_is_prepared_again(room: Room) -> None:
    first = room.imported(CONTENT, consent=True)
    room.service.require_trainable(first)
    told = [one.model_dump(mode="json") for one in first.columns]
    told[0] |= {"kind": "integer", "examples": ["71001", "71002"]}
    old = pl.read_parquet(room.service.open_part(first, "train")).with_columns(student_id=pl.arange(71001, 71061))
    path = room.platform.settings.home / "old.parquet"
    old.write_parquet(path)
    sha256 = room.platform.get("storage").put_file(path)
    part = {"train": {"sha256": sha256, "rows": 60, "size_bytes": path.stat().st_size}}
    change = tables.version.update().where(tables.version.c.id == first.id).values(columns=told, parts=part)
    room.platform.get("db").write(lambda uow: uow.conn.execute(change))
    with pytest.raises(interface.RawPersons, match="'student_id' of data:/marks/1"):
        room.service.require_trainable(room.service.version(room.school_id, first.uri))
    room.service.require_trainable(room.prepared(first.uri, split=SPLIT))


def test_a_school_has_only_so_many_works_in_the_queue(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "MOST_OPEN", 0)
    with pytest.raises(interface.TooManyWorks, match="0 works of the school have not ended, at most 0"):
        room.start(CONTENT)
    assert room.leftovers == []


def test_a_work_does_not_begin_without_room_for_what_it_makes(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    first = room.imported(CONTENT)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=100 << 20))
    with pytest.raises(interface.NoSpace, match="100 MB of disk are free, 200 MB are needed"):
        room.prepared(first.uri, split=SPLIT)


def test_data_sets_are_listed_page_by_page(anywhere: Room) -> None:
    for name in ("a", "b", "c"):
        version = anywhere.imported(CONTENT, name)
    anywhere.service.purge(anywhere.school_id, ACTOR, version.uri, "asked to")
    found = anywhere.service.newest(anywhere.school_id, limit=2)
    more = anywhere.service.newest(anywhere.school_id, limit=2, after="b")
    assert [one.uri for one in (*found, *more)] == ["data:/a/1", "data:/b/1", "data:/c/1"]
    assert more[0].purged_at is not None
    assert anywhere.service.count(anywhere.school_id) == (3, 3)


@dataclass
class House:
    """The rooms above: what is under way in them, and what was cancelled."""

    predictions: str
    elsewhere: str = "data:/kept/1"  # what a run of another school foretold the same of
    cancelled: list[str] = field(default_factory=list)

    def runs_on(self, school_id: str, data: Collection[str]) -> list[Any]:
        file = {stopping.PREDICTIONS: SimpleNamespace(sha256=self.predictions)}
        every = [
            ("r1", "running", "data:/marks/1", {}),
            ("r2", "queued", "data:/other/1", {}),
            ("r3", "finished", "data:/marks/1", file),
        ]
        told = [SimpleNamespace(id=a, school_id=school_id, state=b, data=c, artefacts=d) for a, b, c, d in every]
        return [one for one in told if one.data in data]

    def runs_with(self, sha256: str) -> list[Any]:
        return [SimpleNamespace(school_id="south", data=self.elsewhere), self.runs_on("north", ["data:/marks/1"])[1]]

    def searches(self, _principal: object, *, limit: int = 50) -> list[Any]:
        return [SimpleNamespace(id="s1", state="running", data="data:/marks/2")]

    def refits_on(self, _school_id: str, data: Collection[str]) -> list[Any]:
        return [SimpleNamespace(id="cv1")] if "data:/marks/1" in data else []

    def reports(self, _school_id: str, *, data: str | None = None, limit: int = 100) -> list[Any]:
        every = [
            ("e1", "running", "data:/marks/2"),
            ("e2", "finished", "data:/marks/2"),
            ("e3", "running", "data:/other/1"),
        ]
        return [SimpleNamespace(id=one, state=now) for one, now, of in every if of == data]

    def compressions(self, _school_id: str, *, limit: int = 100) -> list[Any]:
        ended = SimpleNamespace(id="c2", state="finished", data="data:/marks/1")
        return [SimpleNamespace(id="c1", state="queued", data="data:/marks/1"), ended]

    def under_way(self, _school_id: str) -> list[Any]:
        step = SimpleNamespace(output={"data": "data:/marks/2"})
        spec = SimpleNamespace(data="marks")
        return [SimpleNamespace(id="p1", state="running", spec=spec, steps=[SimpleNamespace(output={}), step])]

    def cancel(self, _school_id: str, _actor_id: str, which: str) -> None:
        self.cancelled.append(which)
        if which == "c1":
            raise errors.Conflict("it ended meanwhile", fix="")

    cancel_for = cancel

    def cancel_search(self, _principal: object, which: str) -> None:
        self.cancelled.append(which)

    cancel_refit = cancel_report = cancel_search


def test_what_reads_withdrawn_rows_is_cancelled_and_predictions_go_with_a_purge(tmp_path: Path) -> None:
    store = storage.Storage(str(tmp_path / "store"))
    house = House(store.put(b"rows"))
    file = tmp_path / "runs" / "r3" / "out" / stopping.PREDICTIONS
    file.parent.mkdir(parents=True)
    file.write_bytes(b"rows")
    stops = stopping.Stopping(store, house, house, house, house, lambda _, data: data == "data:/kept/1", tmp_path)
    data = {"data": ["data:/marks/1", "data:/marks/2"], "actor_id": ACTOR}
    told = SimpleNamespace(school_id="north", payload=data)
    stops.stop(told)  # type: ignore[arg-type]  # an event's two fields
    assert sorted(house.cancelled) == ["c1", "cv1", "e1", "p1", "r1", "s1"]
    assert file.exists()
    assert store.has(house.predictions)
    stops.forget(told)  # type: ignore[arg-type]
    assert not file.exists()
    assert store.has(house.predictions), "another school has the same, of rows that are kept"
    house.elsewhere = "data:/purged/1"
    stops.forget(told)  # type: ignore[arg-type]
    assert not store.has(house.predictions)


def test_folders_of_comparisons_and_folds_go_with_their_owner(tmp_path: Path) -> None:
    old = time.time() - 2 * sweeping.KEPT_S
    for name, data in (("one", "data:/marks/1"), ("two", "data:/gone/1")):
        place = tmp_path / "labs" / "north" / name
        place.mkdir(parents=True)
        (place / "about.json").write_text(json.dumps({"data": data}))
    for name in ("cv-new", "cv-old", "report"):
        place = tmp_path / "evaluations" / name
        place.mkdir(parents=True)
        if name != "cv-new":
            os.utime(place, (old, old))
    assert sweeping.sweep(tmp_path, lambda school, data: (school, data) == ("north", "data:/marks/1")) == 2
    assert sorted(one.name for one in tmp_path.glob("*/**/*") if one.is_dir()) == ["cv-new", "north", "one", "report"]
