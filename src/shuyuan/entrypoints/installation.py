"""One installation as commands see it: its settings, its home folder (one server at a time) and its platform."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shuyuan import compose, migrations
from shuyuan.kernel import addresses, errors, log
from shuyuan.kernel import settings as kernel_settings

ADDRESS, LOCK = "server.address", "server.lock"


@contextmanager
def opened(home: Path | None = None, *, new: bool = False, **overrides: object) -> Iterator[compose.Platform]:
    """A migrated platform for an offline command; closed at the end. new: the home may not be there yet.

    Raises NotFound for a home nobody has made, so that a mistyped folder is not taken for an empty school.
    """
    settings = kernel_settings.load(home=home, **overrides)
    log.configure(settings.log_level)
    if not new and settings.database_url is None and not (settings.home / "shuyuan.db").is_file():
        raise errors.NotFound(
            f"there is no installation in {settings.home}", fix="check --home, or make one with `shuyuan up`"
        )
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    platform = compose.Platform(settings)
    try:
        migrations.upgrade(platform.get("db"))
        yield platform
    finally:
        platform.close()


@contextmanager
def sole_server(home: Path) -> Iterator[None]:
    """Hold the home's lock while serving. Raises Conflict naming the process that already serves it."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (home / LOCK).open("a+")
    try:
        _take(lock, home)
        yield
    finally:
        lock.close()


def note_address(home: Path, url: str) -> None:
    """Remember where the home is served, for commands that print an address."""
    (home / ADDRESS).write_text(f"{url}\n")


def address(platform: compose.Platform) -> str:
    """Where the home is served, was served last, or will be as its settings are."""
    file, settings = platform.settings.home / ADDRESS, platform.settings
    if file.is_file():
        return file.read_text().strip()
    return addresses.for_people(settings.host, settings.port, settings.tls_cert)


def is_served(home: Path) -> bool:
    """Whether a server holds the home."""
    try:
        with sole_server(home):
            return False
    except errors.Conflict:
        return True


def _take(lock: IO[str], home: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        lock.seek(0)
        raise errors.Conflict(
            f"{home} is already served by process {lock.read().strip() or '?'}",
            fix="stop that server first, or give this one its own --home",
        ) from held
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()


def require_folder_of(file: Path) -> None:
    """Raise BadInput unless the folder that is to hold a file is there."""
    if not file.parent.is_dir():
        raise errors.BadInput(f"there is no folder {file.parent}", fix="make it, or name a file in another folder")
