"""A school with thousands of answers is made once a backend; each test gets a copy of its database and home."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from tests.learning.improvement.school import School

from shuyuan.compose import Platform
from shuyuan.kernel import crypto, ids
from shuyuan.kernel.settings import Settings

MASTER_KEY = b"t" * crypto.KEY_BYTES


class Stock:
    """What was made, by backend: the school's ids, its home, and its database under another name."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.schools = folder, dict[str, School]()

    def keep(self, url: str, home: Path, school: School) -> None:
        """Copy database and home aside; nobody is connected to them."""
        backend = make_url(url).get_backend_name()
        shutil.copytree(home, self.folder / backend)
        self._copied(url, self._database(url))
        self.schools[backend] = school

    def lay_out(self, url: str, home: Path) -> School:
        """The kept school in the fresh database of `url` and in `home`."""
        backend = make_url(url).get_backend_name()
        shutil.copytree(self.folder / backend, home)
        self._copied(self._database(url), url)
        return self.schools[backend]

    def _database(self, url: str) -> str:
        if url.startswith("sqlite"):
            return f"sqlite:///{self.folder / 'kept.db'}"
        return make_url(url).set(database=f"kept_{self.folder.name.replace('-', '_')}").render_as_string(False)

    @staticmethod
    def _copied(source: str, target: str) -> None:
        if source.startswith("sqlite"):
            shutil.copyfile(make_url(source).database or "", make_url(target).database or "")
            return
        admin = create_engine(make_url(source).set(database="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as conn:
            name = make_url(target).database
            conn.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {make_url(source).database}"))
        admin.dispose()


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """Empty until the first test of each backend has filled it."""
    return Stock(tmp_path_factory.mktemp("stock"))


@pytest.fixture
def school(database_url: str, tmp_path: Path, stock: Stock) -> Iterator[School]:
    """24 learners with 110 answers each, one of whom did not agree to improvement."""
    home = tmp_path / "home"
    settings = Settings(home=home, database_url=database_url, starter="none", port=0)
    if make_url(database_url).get_backend_name() in stock.schools:
        found = stock.lay_out(database_url, home)
    else:
        found = _made(settings)
        stock.keep(database_url, home, found)
    platform = Platform(settings)
    yield found.on(platform)
    platform.close()


def _made(settings: Settings) -> School:
    """Always the same: which learners are held out, and whom a canary serves, is drawn by their ids and the key."""
    key = settings.home / "keys" / "master.key"
    key.parent.mkdir(parents=True, mode=0o700)
    key.write_bytes(MASTER_KEY)
    key.chmod(0o600)
    numbers = itertools.count()
    with pytest.MonkeyPatch.context() as drawn:
        drawn.setattr(ids, "new_id", lambda: f"01{next(numbers):024x}")
        making = Platform(settings)
        found = School(making)
        making.close()
    return found
