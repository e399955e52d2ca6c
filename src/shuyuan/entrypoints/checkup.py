"""What `shuyuan doctor` looks at: each check says whether it is fine and, if not, what to do."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shuyuan import compose, migrations
from shuyuan.kernel import errors

LOW_DISK_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    ok: bool
    advice: str = ""


def run(platform: compose.Platform) -> Iterator[Check]:
    """Every check; one that breaks counts as not fine and says how."""
    for name, look in CHECKS.items():
        try:
            advice = look(platform)
            yield Check(name, not advice, advice)
        except Exception as failure:
            fix = failure.fix if isinstance(failure, errors.ShuyuanError) else ""
            yield Check(name, False, f"{failure}. {fix}".strip())


def _python(_: compose.Platform) -> str:
    return "" if sys.version_info >= (3, 11) else f"Python {sys.version.split()[0]} is too old: use 3.11 or newer"


def _database(platform: compose.Platform) -> str:
    database = platform.get("db")
    if database.dialect == "sqlite":
        with database.read() as conn:
            found = conn.exec_driver_sql("PRAGMA quick_check").scalar_one()
        return "" if found == "ok" else f"the file is damaged ({found}): restore a backup"
    return "" if migrations.current(database) else "no schema: run `shuyuan up` once"


def _keys(platform: compose.Platform) -> str:
    path = platform.settings.home / "keys" / "master.key"
    platform.get("vault")
    if path.stat().st_mode & 0o077:
        return f"others may read {path}: chmod 600"
    return "" if path.stat().st_uid == os.getuid() else f"{path} belongs to another user"


def _disk(platform: compose.Platform) -> str:
    free = shutil.disk_usage(platform.settings.home).free
    return "" if free > LOW_DISK_BYTES else f"{free / 1e9:.1f} GB free: make room (2 GB wanted)"


def _models(platform: compose.Platform) -> str:
    if platform.settings.starter == "none":
        return ""
    platform.get("catalogue").locate(platform.settings.starter)
    return ""


def _audit(platform: compose.Platform) -> str:
    with platform.get("db").read() as conn:
        fault = platform.get("audit").verify(conn).fault
    return fault or ""


def _events(platform: compose.Platform) -> str:
    parked = platform.get("outbox").parked()
    return f"{parked} events could not be delivered: the log says why" if parked else ""


CHECKS: dict[str, Callable[[compose.Platform], str]] = {
    "python": _python,
    "database": _database,
    "keys": _keys,
    "disk": _disk,
    "starter model": _models,
    "activity log": _audit,
    "events": _events,
}
