"""The page about the tasks is held to the list of tasks and to their options."""

import re
from pathlib import Path

from shuyuan.maas.training import tasks

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "life-cycle" / "tasks.md").read_text()
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| `")]


def test_every_task_stands_in_the_table_once_and_nothing_else() -> None:
    named = [name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(tasks.TASKS)


def test_every_option_the_table_names_exists() -> None:
    for first, _, _, options in ROWS:
        fields = set[str]().union(*(tasks.load(name).CONFIG.model_fields for name in re.findall(r"`(\w+)`", first)))
        for option in re.findall(r"`(\w+)`", options):
            if option != "gd":  # a value
                assert option in fields, f"{first.strip()} has no option {option}"
