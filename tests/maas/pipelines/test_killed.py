"""A pipeline that dies at every step, before and after the step was written down: it ends once, with one version."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.maas.pipelines import house as houses
from tests.maas.pipelines import rooms
from tests.maas.pipelines.conftest import Clock

from shuyuan.kernel import db
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.pipelines import interface
from shuyuan.maas.training import interface as training_api

ROOT = Path(__file__).parents[3]
STEPS: tuple[str, ...] = interface.StepName.__args__  # type: ignore[attr-defined]
PLACES = {*STEPS, *(f"{name}_recorded" for name in STEPS)}
IN_EARNEST = {"sqlite": ("compress", "register_recorded"), "postgresql": ("train",)}  # the others die in process


def started(house: houses.House) -> interface.Pipeline:
    """Every step there is, with a champion to compare with."""
    parent = house.training.register_for(house.school, house.person, "before", "digits")
    house.deployment.promote(house.school, house.person, "digits", parent.number, reason="to compare with")
    return house.start(house.whole())


def assert_done_once(house: houses.House, pipeline_id: str) -> None:
    """Everything happened, and nothing twice."""
    ended = house.pipelines.pipeline(house.school, pipeline_id)
    assert ended.state == "finished", [step for step in ended.steps if step.error]
    assert {step.state for step in ended.steps} == {"done"}
    assert {step.name for step in ended.steps} == set(STEPS), "every step there is"
    assert set(house.disk.killed()) == PLACES
    assert len(house.disk.all("run", training_api.Run)) == 1
    assert len(house.disk.all("compression", compression_api.Compression)) == 1
    assert len(house.disk.all("data", datasets_api.DataSetVersion)) == 2
    versions = house.catalogue.versions(house.school, "digits")
    assert [one.number for one in versions] == [3, 2, 1], "before, the run's, and its compressed child"
    assert ended.version == "models:/digits/3"
    kinds = Counter(one.kind for one in house.deployment.history(house.school, "digits"))
    assert kinds == {"promoted": 2, "canary": 1}
    assert house.deployment.deployment(house.school, "digits").champion == 3
    with house.db.read() as conn:
        told = conn.exec_driver_sql("SELECT count(*) FROM audit_entry WHERE action = 'pipeline.finished'").scalar()
    assert told == 1


def test_dying_at_every_step_a_pipeline_ends_once_with_one_version(
    database: db.Database, database_url: str, tmp_path: Path, clock: Clock
) -> None:
    home = tmp_path / "home"
    first = houses.build(database, database_url, home, now=clock)
    pipeline, died = started(first), 0
    first.close()
    for _ in range(2 * len(PLACES)):
        house = houses.build(database, database_url, home, kills="raise", now=clock)  # as a new process: all anew
        house.deployment.look()  # as its start does
        try:
            house.run(pipeline, turns=200)
            break
        except rooms.Killed:
            died += 1
        finally:
            house.close()
    assert died == len(PLACES), "once at each place"
    assert_done_once(house, pipeline.id)


@pytest.mark.timeout(300)
def test_a_process_that_is_killed_goes_on_by_itself_in_the_next_one(
    database: db.Database, database_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    house = houses.build(database, database_url, home)
    try:
        pipeline, places = started(house), IN_EARNEST[database.dialect]
        for place in PLACES - set(places):
            house.disk.mark(place)
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        words = [sys.executable, "-m", "tests.maas.pipelines.killed_child", str(home), database_url, pipeline.id]
        child = subprocess.run(
            words, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert child.returncode == 0, child.stderr[-3000:]
        assert int(child.stdout.splitlines()[-1]) == len(places) + 1, "killed at each place once"
        assert_done_once(house, pipeline.id)
    finally:
        house.close()
