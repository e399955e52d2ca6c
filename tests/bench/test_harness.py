"""The harness compares goals itself and ends on one line of honest JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import harness, replay


def test_the_last_line_is_one_json_object_with_goals_computed(capsys: pytest.CaptureFixture[str]) -> None:
    met = harness.report("toy", {"auc": 0.78, "p99_ms": 12.0}, "none", {"auc": (">=", 0.7), "p99_ms": ("<=", 10)})
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert met is False
    assert line["goals_met"] is False
    assert {key: goal["met"] for key, goal in line["goals"].items()} == {"auc": True, "p99_ms": False}
    assert set(line) == {"name", "figures", "protocol", "versions", "goals", "goals_met"}


def test_a_goal_without_a_figure_or_with_nan_is_not_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness.report("toy", {"auc": float("nan")}, "none", {"auc": (">=", 0), "speed": ("<=", 1)}) is False
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["figures"]["auc"] is None
    assert [goal["met"] for goal in line["goals"].values()] == [False, False]


def test_an_unknown_comparison_is_refused() -> None:
    with pytest.raises(ValueError, match="use one of"):
        harness.judge({"a": 1}, "a", ("=>", 1))


def test_missing_data_is_said_in_one_sentence_with_exit_code_2(tmp_path: Path) -> None:
    script = Path(replay.__file__)
    done = subprocess.run(
        [sys.executable, str(script)], env=os.environ | {"SHUYUAN_DATA": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "set SHUYUAN_DATA" in done.stderr
    assert len(done.stderr.splitlines()) == 1
