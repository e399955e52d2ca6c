"""Two servers with homes of their own on one database: what one has begun is not begun again by the other, and what
both number at once gets two numbers."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shuyuan.compose import Platform
from shuyuan.kernel import clock, durable, ids
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.catalogue import store as catalogue
from shuyuan.maas.compression import store as compressions
from shuyuan.maas.datasets import store as datasets
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.evaluation import store as evaluations

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ACTOR = "system"


@pytest.fixture
def other(platform: Platform, tmp_path: Path) -> Iterator[Platform]:
    """Another server on the same database."""
    built = Platform(platform.settings.model_copy(update={"home": tmp_path / "other"}))
    yield built
    built.close()


def report(school_id: str) -> evaluation_api.Report:
    """One that is being made."""
    said: dict[str, Any] = {"subject": "models:/a/1", "data": "data:/a/1", "data_sha256": "", "part": "validation"}
    said |= {"task": "tabular_classification", "family": "classification", "state": "running"}
    return evaluation_api.Report(id=ids.new_id(), school_id=school_id, created_by=ACTOR, created_at=clock.now(), **said)


def begun(platform: Platform, home_id: str) -> None:
    """A work, an evaluation and a compression of a home."""
    school_id = platform.get("identity").create_school("学校").id
    work = {"name": "marks", "kind": "import", "job": {"work": "import"}, "home_id": home_id}
    new = evaluation_api.NewReport(subject="models:/a/1", data="data:/a/1", part="validation")
    asked: dict[str, Any] = {"method": "int8_dynamic", "config": {}, "seed": 7, "created_by": ACTOR, "home_id": home_id}
    asked |= {"parent_id": ids.new_id(), "parent": "models:/a/1", "data": None, "data_sha256": None}

    def add(uow: Any) -> None:  # Any: a unit of work
        datasets.add_work(uow, school_id, ACTOR, ids.new_id(), work)
        evaluations.add_report(uow, report(school_id), new, home_id)
        compressions.add(uow, school_id, **asked)

    platform.get("db").write(add)


def found(platform: Platform, home_id: str) -> list[int]:
    """How many works, evaluations and compressions a home would take up."""
    with platform.get("db").read() as conn:
        taken = (datasets.open_works, evaluations.unfinished, compressions.left)
        return [len(look(conn, home_id)) for look in taken]


def test_what_one_home_has_begun_is_not_taken_up_by_another(platform: Platform, other: Platform) -> None:
    mine = durable.executor_of(platform.settings.home)
    begun(platform, mine)
    resumed = [other.get("datasets").recover(), other.get("evaluation").resume(), other.get("compression").resume()]
    assert resumed == [0, 0, 0]
    assert found(platform, mine) == [1, 1, 1], "it is still there for its own"


def test_what_no_home_is_known_of_is_for_whoever_comes(platform: Platform) -> None:
    begun(platform, "")
    assert found(platform, durable.executor_of(platform.settings.home)) == [1, 1, 1]


def version(uow: Any, school_id: str) -> int:
    said = catalogue_api.LocalText(zh="", en="")
    new = catalogue_api.NewVersion(model="marks", runner="onnx", artefact_sha256="0" * 64, size_bytes=1, card=said)
    return catalogue.add_version(uow, school_id, ACTOR, new).number


def alias(uow: Any, school_id: str) -> int:
    found = catalogue.versions(uow.conn, school_id, "marks")[0]
    catalogue.move_alias(uow, school_id, ACTOR, found, "champion", "newer")
    return len(catalogue.alias_history(uow.conn, school_id, "marks", "champion"))


def data_set(uow: Any, school_id: str) -> int:
    part = {"rows": 1, "size_bytes": 1, "sha256": "0" * 64}
    said: dict[str, Any] = {"sha256": ids.new_id(), "rows": 1, "columns": [], "parts": {"train": part}, "plan": {}}
    said |= {"findings": [], "preview": {}, "purpose": "", "consent": False, "personal": False, "source": ""}
    return datasets.add_version(uow, school_id, ACTOR, "marks", {**said, "parent_id": None})[0].number


def compression(uow: Any, school_id: str) -> int:
    asked: dict[str, Any] = {"method": "int8_dynamic", "config": {}, "seed": 7, "created_by": ACTOR, "home_id": ""}
    asked |= {"parent_id": ids.new_id(), "parent": "models:/a/1", "data": None, "data_sha256": None}
    return compressions.add(uow, school_id, **asked).number


def gate(uow: Any, school_id: str) -> int:
    return evaluations.remove_gate(uow, school_id, ACTOR, "marks", "not needed")


def test_what_two_servers_number_at_once_gets_two_numbers(platform: Platform, other: Platform) -> None:
    mine, theirs = platform.get("db"), other.get("db")
    school_id = platform.get("identity").create_school("学校").id
    for add in (version, alias, data_set, compression, gate):
        begun = list[Any]()  # a future

        def first(uow: Any, add: Any = add, begun: list[Any] = begun) -> int:  # Any: a unit of work
            number: int = add(uow, school_id)
            begun.append(theirs.submit(lambda uow: add(uow, school_id)))
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not begun[0].done() and not uow.conn.execute(waiting).scalar():
                time.sleep(0.002)  # until the other server waits for this unit
            return number

        one = mine.write(first)
        assert (one, begun[0].result()) in itertools.pairwise(range(1, 9)), add.__name__
