"""A pipeline whose process is killed at every step, before and after the step was recorded: it ends once."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.maas.pipelines import house as houses

from shuyuan.kernel import db
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.pipelines import interface
from shuyuan.maas.training import interface as training_api

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(300)
def test_killed_at_every_step_a_pipeline_ends_once_with_one_version(
    database: db.Database, database_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    house = houses.build(database, database_url, home)
    try:
        parent = house.training.register_for(house.school, house.person, "before", "digits")
        house.deployment.promote(house.school, house.person, "digits", parent.number, reason="to compare with")
        started = house.start(house.whole())
        if database.dialect == "postgresql":  # there only before each step is recorded: half the time
            for step in started.steps:
                house.disk.mark(f"{step.name}_recorded")
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        words = [sys.executable, "-m", "tests.maas.pipelines.killed_child", str(home), database_url, started.id]
        child = subprocess.run(
            words, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert child.returncode == 0, child.stderr[-3000:]
        ended = house.pipelines.pipeline(house.school, started.id)
        assert ended.state == "finished", [step for step in ended.steps if step.error]
        assert {step.state for step in ended.steps} == {"done"}
        names = {step.name for step in ended.steps}
        assert names == set(interface.StepName.__args__), "every step there is"  # type: ignore[attr-defined]
        kills = house.disk.killed()
        assert set(kills) == names | {f"{name}_recorded" for name in names}
        died = 2 * len(names) if database.dialect == "sqlite" else len(names)
        assert int(child.stdout.splitlines()[-1]) == died + 1, "killed at each place once"
        assert len(house.disk.all("run", training_api.Run)) == 1
        assert len(house.disk.all("compression", compression_api.Compression)) == 1
        assert len(house.disk.all("data", datasets_api.DataSetVersion)) == 2
        versions = house.catalogue.versions(house.school, "digits")
        assert [one.number for one in versions] == [3, 2, 1], "before, the run's, and its compressed child"
        assert ended.version == "models:/digits/3"
        kinds = Counter(one.kind for one in house.deployment.history(house.school, "digits"))
        assert kinds == {"promoted": 2, "canary": 1}
        assert house.deployment.deployment(house.school, "digits").champion == 3
        with database.read() as conn:
            told = conn.exec_driver_sql("SELECT count(*) FROM audit_entry WHERE action = 'pipeline.finished'").scalar()
        assert told == 1
    finally:
        house.close()
