"""`import`, `doctor`, `audit verify`: content in, and the checks that say what is wrong."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.journeys import shell

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "content" / "large-models"


def test_a_course_folder_is_imported_once(home: Path) -> None:
    dry = shell.call("import", COURSE, "--dry-run", "--home", home)
    assert (dry.code, "large-models: would be imported" in dry.out) == (0, True)
    first = shell.call("import", COURSE, "--home", home)
    assert (first.code, "large-models: imported" in first.out) == (0, True)
    again = shell.call("import", COURSE, "--school", "向阳中学", "--home", home)
    assert (again.code, "large-models: already there, unchanged" in again.out) == (0, True)


def test_a_broken_folder_is_refused_with_every_fault_and_its_file(home: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(COURSE, tmp_path / "broken"))
    course = folder / "course.yaml"
    course.write_text(course.read_text("utf-8").replace("requires: [", "requires: [no-such-point, ", 1), "utf-8")
    items = next(iter(sorted((folder / "items").glob("*.yaml"))))
    items.write_text(items.read_text("utf-8").replace("points: [", "points: [elsewhere, ", 1), "utf-8")
    said = shell.call("import", folder, "--home", home)
    assert said.code == 1
    assert "error (content_refused): 2 faults in the course" in said.err
    assert "no-such-point" in said.err
    assert "elsewhere" in said.err
    assert items.name in said.err
    listed = shell.call("import", COURSE, "--home", home)
    assert "large-models: imported" in listed.out  # nothing of the broken one went in


@pytest.mark.timeout(300)
def test_the_oatutor_file_is_imported_but_for_a_few_that_are_named(home: Path, shuyuan_data: Path) -> None:
    said = shell.call("import", shuyuan_data / "content_oatutor" / "problems.jsonl.gz", "--dry-run", "--home", home)
    assert said.code == 0
    left_out = [line for line in said.out.splitlines() if line.startswith("left out ")]
    assert all(": " in line for line in left_out)
    assert f"{3113 - len(left_out)} of 3113 problems" in said.out
    assert len(left_out) <= 0.05 * 3113


def test_doctor_finds_a_fresh_home_healthy(home: Path) -> None:
    said = shell.call("doctor", "--home", home)
    assert (said.code, "attention" in said.out) == (0, False)
    for check in ("python", "database", "keys", "disk", "starter model", "activity log"):
        assert f"{check} ok" in said.words


def test_doctor_says_what_to_do_about_an_open_key_and_an_absent_model(home: Path) -> None:
    (home / "keys" / "master.key").chmod(0o644)
    said = shell.call("doctor", "--home", home, environment={"SHUYUAN_STARTER": "tiny"})
    assert said.code == 1
    assert "chmod 600" in said.words
    assert "shuyuan pull tiny" in said.words


def test_doctor_says_when_the_database_is_damaged(home: Path) -> None:
    with (home / "shuyuan.db").open("r+b") as file:
        file.seek(4096 * 12)
        file.write(b"\xff" * 4096 * 8)
    said = shell.call("doctor", "--home", home)
    assert said.code == 1


def test_the_activity_log_is_whole_until_an_entry_is_changed(home: Path) -> None:
    whole = shell.call("audit", "verify", "--home", home)
    assert (whole.code, whole.out.startswith("whole: ")) == (0, True)
    tamper(home, "UPDATE audit_entry SET action = 'nothing.happened' WHERE seq = 2")
    broken = shell.run("audit", "verify", "--home", home)
    assert (broken.code, broken.out) == (1, "broken after 1 entries: entry 2 was changed\n")


def test_a_removed_entry_and_a_cut_off_tail_are_named(home: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(home, tmp_path / "copy"))
    tamper(home, "DELETE FROM audit_entry WHERE seq = 1")
    assert "entry 1 is missing" in shell.call("audit", "verify", "--home", home).out
    tamper(copy, "DELETE FROM audit_entry WHERE seq = (SELECT max(seq) FROM audit_entry)")
    cut = shell.call("audit", "verify", "--home", copy)
    assert (cut.code, "was cut off" in cut.out) == (1, True)


def tamper(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "shuyuan.db")) as conn, conn:
        assert conn.execute(statement).rowcount == 1
