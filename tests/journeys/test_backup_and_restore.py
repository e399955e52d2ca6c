"""A backup of a running school comes back elsewhere: in a new home, and in PostgreSQL."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from tests.journeys import shell, world

from shuyuan.entrypoints import process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Saved:
    """A backup taken while the server ran, and what the pupil had answered by then."""

    file: Path
    pupil: world.Json
    answers: list[world.Json]


@pytest.fixture(scope="module")
def saved(demo_school: world.Live, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The demo school's backup, one answer newer than its seeding."""
    file, pupil = tmp_path_factory.mktemp("backup") / "school.zip", demo_school.account("student")
    with demo_school.browser("student") as student:
        world.answer_one(student)
        answers = world.history(student, pupil["id"])
        said = shell.run("backup", file, "--home", demo_school.home)
        assert student.get("/learn/today").status_code == 200
    assert (said.code, said.err) == (0, "")
    return Saved(file, pupil, answers)


@pytest.fixture
def empty_postgres(postgres_url: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    server, name = make_url(postgres_url), f"restored_{os.getpid()}"
    admin = create_engine(server.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def test_the_backup_holds_the_keys_and_is_for_its_owner_alone(saved: Saved) -> None:
    assert stat.S_IMODE(saved.file.stat().st_mode) == 0o600


def test_a_restored_home_is_served_with_the_pupils_history(saved: Saved, tmp_path: Path) -> None:
    home = tmp_path / "new"
    assert shell.run("restore", saved.file, "--home", home).code == 0
    with world.serving(home, demo=False) as live:
        assert live.link is None  # there is an administrator already
        assert_school_is_there(live, saved)


def test_a_restored_database_in_postgresql_is_served_with_the_pupils_history(
    saved: Saved, tmp_path: Path, empty_postgres: str
) -> None:
    home, where = tmp_path / "new", {"SHUYUAN_DATABASE_URL": empty_postgres}
    said = shell.run("restore", saved.file, "--home", home, environment=where)
    assert said.code == 0, said.err
    assert not (home / "shuyuan.db").exists()
    with world.serving(home, demo=False, environment=where) as live:
        assert_school_is_there(live, saved)
    assert shell.call("audit", "verify", "--home", home, environment=where).code == 0


def test_a_restore_never_overwrites_a_school(first_start: world.FirstStart, saved: Saved, tmp_path: Path) -> None:
    home = first_start.copy(tmp_path)
    said = shell.call("restore", saved.file, "--home", home)
    assert said.code == 1
    assert "the database already holds rows" in said.err
    assert "fix: restore into a new home" in said.err


def test_a_file_that_is_no_backup_and_a_backup_over_another_are_refused(
    first_start: world.FirstStart, saved: Saved, tmp_path: Path
) -> None:
    no_backup = tmp_path / "holiday.zip"
    no_backup.write_bytes(b"PK but not really")
    refused = shell.call("restore", no_backup, "--home", tmp_path / "new")
    assert (refused.code, f"{no_backup} is no Shuyuan backup" in refused.err) == (1, True)
    again = shell.call("backup", saved.file, "--home", first_start.copy(tmp_path))
    assert (again.code, f"{saved.file} is there already" in again.err) == (1, True)


def assert_school_is_there(live: world.Live, saved: Saved) -> None:
    """The pupil signs in with the old PIN, finds every answer, and goes on."""
    with process.sign_in(live.base_url, saved.pupil) as pupil:
        assert world.history(pupil, saved.pupil["id"]) == saved.answers
        assert world.answer_one(pupil)["saved"]
        assert len(world.history(pupil, saved.pupil["id"])) == len(saved.answers) + 1
