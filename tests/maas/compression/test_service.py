"""Compressions of a school: children with their parent, one at a time, cancelled, failed, taken up after a crash."""

import contextlib
import errno
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from tests.maas.evaluation import made

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import audit, db, errors, http, ids
from shuyuan.maas.catalogue.interface import Catalogue, Loadable, NewVersion, UnknownModel, Version
from shuyuan.maas.compression import interface, tables
from shuyuan.maas.compression.service import CompressionService
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.datasets import store as dataset_store
from shuyuan.maas.datasets import tables as dataset_tables


@dataclass(frozen=True)
class School:
    """version: a logistic model.  data: the rows it learnt from, split."""

    id: str
    platform: Platform
    version: Version
    data: datasets.DataSetVersion

    @property
    def compression(self) -> CompressionService:
        found: CompressionService = self.platform.get("compression")
        return found

    @property
    def catalogue(self) -> Catalogue:
        found: Catalogue = self.platform.get("catalogue")
        return found

    def start(self, method: str = "int8_dynamic", **more: object) -> interface.Compression:
        new = interface.NewCompression.model_validate({"version": self.version.uri, "method": method, **more})
        return self.compression.start_for(self.id, "system", new)

    def wait(self, one: interface.Compression) -> interface.Compression:
        return self.compression.wait(self.id, one.id, timeout_s=100)


@pytest.fixture
def school(platform: Platform, tmp_path: Path) -> School:
    """A model whose matrix is worth compressing: many towns, each a column of its own."""
    import polars as pl

    school_id = platform.get("identity").create_school("学校").id
    table = made.pupils(300)
    table["town"] = [f"town {n % 260}" for n in range(300)]
    sets: datasets.DataSets = platform.get("datasets")
    said = {
        one["name"]: datasets.ColumnPlan.model_validate({k: one[k] for k in ("kind", "role")}) for one in made.COLUMNS
    }
    new = datasets.NewDataSet(name="pupils", filename="pupils.csv", columns=said, consent=True, purpose="tests")
    work = sets.create(school_id, "system", io.BytesIO(pl.DataFrame(table).write_csv().encode()), new)
    first = sets.wait(school_id, work.id)
    data = sets.wait(school_id, sets.prepare(school_id, "system", first.uri, datasets.Plan(split=datasets.Split())).id)
    path, spec = made.model(tmp_path, table)
    version = platform.get("catalogue").add_file(
        school_id, "system", model="passes", source=path, runner="onnx", spec=spec
    )
    return School(school_id, platform, version, data)


@pytest.fixture
def alone(platform: Platform, tmp_path: Path) -> School:
    """Without data: cheaper."""
    school_id = platform.get("identity").create_school("学校").id
    path, spec = made.model(tmp_path, {**made.pupils(300), "town": [f"town {n % 260}" for n in range(300)]})
    version = platform.get("catalogue").add_file(
        school_id, "system", model="passes", source=path, runner="onnx", spec=spec
    )
    return School(school_id, platform, version, None)  # type: ignore[arg-type]  # these tests read none


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # a data set is costly; the rest is on both
def test_a_child_is_a_version_with_parent_lineage_figures_and_a_table(school: School) -> None:
    done = school.wait(school.start(data=school.data.uri))
    assert (done.state, done.error, done.child) == ("finished", None, "models:/passes/2")
    child = school.catalogue.resolve(school.id, str(done.child))
    assert (child.id, child.parent_id) == (done.child_id, school.version.id)
    assert child.lineage["data"] == school.data.uri
    assert child.lineage["data_sha256"] == school.data.sha256
    assert child.lineage["method"] == "int8_dynamic"
    assert child.spec == school.version.spec
    size = done.figure("size_bytes")
    assert size is not None
    assert child.figures["size_bytes"] == child.size_bytes == size.child
    assert size.parent == school.version.size_bytes
    accuracy = done.figure("accuracy")
    assert accuracy is not None
    assert accuracy.child == pytest.approx(accuracy.parent, abs=0.05)
    assert child.figures["accuracy"] == accuracy.child
    assert not (school.platform.settings.home / "compressions" / done.id).exists()
    assert school.platform.get("datasets").version(school.id, school.data.uri).used_by == 1
    _without_consent(school)
    with pytest.raises(datasets.ConsentMissing):
        school.start(data=school.data.uri)


def test_what_the_child_process_refuses_is_told_and_registers_nothing(alone: School) -> None:
    done = alone.wait(alone.start("structured"))
    assert done.state == "failed"
    assert done.error is not None
    assert done.error["code"] == "cannot_compress"
    assert done.error["fix"]
    assert len(alone.catalogue.versions(alone.id, "passes")) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_disk_that_is_full_fails_it_and_registers_nothing(alone: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(alone.platform.get("storage"), "put_file", full)
    done = alone.wait(alone.start())
    assert done.error is not None
    assert (done.state, done.error["code"]) == ("failed", "disk_full")
    assert len(alone.catalogue.versions(alone.id, "passes")) == 1
    assert not (alone.platform.settings.home / "compressions" / done.id).exists()


def test_wrong_requests_are_refused_before_anything_is_queued(alone: School) -> None:
    with pytest.raises(interface.UnknownMethod):
        alone.start("zip")
    with pytest.raises(errors.BadInput, match="share"):
        alone.start("structured", config={"share": 7})
    with pytest.raises(interface.DataNeeded):
        alone.start("int8_static")
    with pytest.raises(UnknownModel):
        alone.start(version="models:/passes/9")
    with pytest.raises(datasets.UnknownDataSet):
        alone.start(data="data:/nothing")
    assert alone.compression.compressions(alone.id) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_learned_from_persons_who_said_no_is_not_compressed(
    alone: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, sets = alone.platform.get("db"), alone.platform.get("datasets")
    part = {"rows": 1, "size_bytes": 1, "sha256": "0" * 64}
    said = {"sha256": "0" * 64, "rows": 1, "columns": [], "parts": {"train": part}, "plan": {}, "findings": []}
    said |= {"preview": {}, "purpose": "", "consent": True, "personal": True, "source": "", "parent_id": None}
    told = {name: getattr(alone.version, name) for name in NewVersion.model_fields} | {"model": "taught"}
    new = NewVersion.model_validate({**told, "lineage": {"data": "data:/marks/1"}})

    def add(uow: db.UnitOfWork) -> None:
        dataset_store.add_version(uow, alone.id, "system", "marks", said)
        alone.catalogue.register_version(uow, school_id=alone.id, actor_id="system", version=new)

    def refused_meanwhile(*given: str) -> Loadable:
        queued.wait()
        located.append(given)
        sets.set_consent(alone.id, "system", "data:/marks/1", False, "they said no")
        return locate(*given)

    database.write(add)
    queued, located, locate = threading.Event(), list[object](), alone.catalogue.locate
    monkeypatch.setattr(alone.catalogue, "locate", refused_meanwhile)
    begun, waiting = (alone.start(version="models:/taught/1") for _ in range(2))
    queued.set()
    for one in (begun, waiting):
        done = alone.wait(one)
        assert done.error is not None, done
        assert done.error["code"] == "consent_missing"
    with pytest.raises(datasets.ConsentMissing, match="learned from data:/marks/1, which may not be learned from"):
        alone.start(version="models:/taught/1")
    assert (len(alone.catalogue.versions(alone.id, "taught")), len(located)) == (1, 1), "the second is not begun"


def test_cancelled_work_leaves_no_version_and_cannot_be_cancelled_twice(alone: School) -> None:
    first, second = alone.start(), alone.start("int4")
    _until(lambda: alone.compression.compression(alone.id, first.id).state == "running")
    for one in (second, first):
        assert alone.compression.cancel(alone.id, "system", one.id).state == "cancelled"
    with pytest.raises(errors.Conflict):
        alone.compression.cancel(alone.id, "system", first.id)
    assert alone.start().number == 3
    assert len(alone.catalogue.versions(alone.id, "passes")) == 1


def test_waiting_for_one_cancelled_in_the_queue_ends(alone: School) -> None:
    first, second = alone.start("structured"), alone.start("int4")  # one that is refused soon
    alone.compression.cancel(alone.id, "system", second.id)
    alone.wait(first)
    alone.wait(alone.start("structured"))  # the queue has come past it
    assert alone.compression.wait(alone.id, second.id, timeout_s=0).state == "cancelled"


def test_another_school_sees_and_stops_nothing(alone: School) -> None:
    one, other = alone.start(), ids.new_id()
    with pytest.raises(errors.NotFound):
        alone.compression.compression(other, one.id)
    with pytest.raises(errors.NotFound):
        alone.compression.cancel(other, "system", one.id)
    assert alone.compression.compressions(other) == []
    with pytest.raises(UnknownModel):
        alone.compression.start_for(
            other, "system", interface.NewCompression(version=alone.version.uri, method="int8_dynamic")
        )
    alone.compression.cancel(alone.id, "system", one.id)


def test_what_a_killed_server_left_is_taken_up_once_and_what_another_works_on_is_left_to_it(alone: School) -> None:
    left = alone.wait(alone.start())
    with alone.platform.get("db").read() as conn:
        rows = conn.execute(audit.entry.select().where(audit.entry.c.object_id == left.id)).all()
    assert [row.action for row in rows] == ["compression.started", "compression.finished"]
    with _other_process_at(alone, left) as pid:
        assert _left_with(alone, left, pid).compression.resume() == 0
    assert _left_with(alone, left, os.getppid()).compression.resume() == 1, "its number is another's by now"
    done = alone.wait(left)
    assert (done.state, done.child) == ("finished", "models:/passes/3")
    assert alone.compression.resume() == 0


@pytest.fixture
def client(alone: School) -> Iterator[TestClient]:
    app = http.build_app(
        version="test",
        gate=identity_http.gate(alone.platform.get("identity")),
        ready=dict,
        max_body_bytes=10_000,
        routers=alone.platform.routers(["compression"]),
    )
    with TestClient(app, headers={"origin": "http://testserver"}) as made_client:
        yield made_client


def _enter(client: TestClient, school: School, role: Role) -> None:
    identity, database = school.platform.get("identity"), school.platform.get("db")
    account_id = database.write(
        lambda uow: identity.create_account(
            uow, school_id=school.id, role=role, name=role, login=f"{role}@{school.id}", secret=None
        )
    )
    client.cookies.set(identity_http.COOKIE, identity.sign_in_as(account_id).token)


def test_over_http_a_developer_compresses_and_looks(client: TestClient, alone: School) -> None:
    _enter(client, alone, "developer")
    assert {one["name"] for one in client.get("/api/compressions/methods").json()} >= {"int8_static", "stages"}
    body = {"version": alone.version.uri, "method": "int8_dynamic"}
    started = client.post("/api/compressions", json=body)
    assert started.status_code == 202
    alone.wait(interface.Compression.model_validate(started.json()))
    path = f"/api/compressions/{started.json()['id']}"
    assert client.get(path).json()["child"] == "models:/passes/2"
    assert [one["id"] for one in client.get("/api/compressions", params={"parent": alone.version.uri}).json()] == [
        started.json()["id"]
    ]
    assert client.post(f"{path}/cancel").status_code == 409
    assert client.post("/api/compressions", json={**body, "method": "zip"}).status_code == 404
    assert client.post("/api/compressions", json={**body, "more": 1}).status_code == 422


@pytest.mark.parametrize("role", ["teacher", "student", "guardian"])
def test_others_do_not_compress(client: TestClient, alone: School, role: Role) -> None:
    _enter(client, alone, role)
    body = {"version": alone.version.uri, "method": "int8_dynamic"}
    assert client.post("/api/compressions", json=body).status_code == 403
    principal, new = Principal(ids.new_id(), alone.id, role), interface.NewCompression.model_validate(body)
    with pytest.raises(errors.Forbidden):
        alone.compression.start(principal, new)


def _without_consent(school: School) -> None:
    row = dataset_tables.version
    changed = update(row).where(row.c.id == school.data.id).values(personal=True, consent=False)
    school.platform.get("db").write(lambda uow: uow.conn.execute(changed))


def _left_with(school: School, one: interface.Compression, worker: int) -> School:
    """As if that process had been killed, or still worked on it."""
    row = tables.compression
    told = {"state": "running", "worker": worker, "child": None, "child_id": None, "ended_at": None}
    school.platform.get("db").write(lambda uow: uow.conn.execute(update(row).where(row.c.id == one.id).values(**told)))
    return school


@contextlib.contextmanager
def _other_process_at(school: School, one: interface.Compression) -> Iterator[int]:
    """Another process that has this compression in work, as the service itself takes it."""
    path = school.platform.settings.home / "compressions" / f"{one.id}.lock"
    code = "from pathlib import Path; from shuyuan.maas.compression import working\n"
    code += f"with working.in_hand(Path({str(path)!r})): print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def _until(holds: object, limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while not holds():  # type: ignore[operator]  # a function without arguments
        assert time.monotonic() < end
        time.sleep(0.02)
