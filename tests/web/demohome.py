"""The home of a demo school, made once in a run of tests and copied for whoever wants one of their own.

The school is made in such a way that the loop's first turn is the same at every run: which pupils are held out depends
on their pseudonyms, these on random ids, and with an unlucky draw the gate refuses the turn.
"""

from pathlib import Path

from tests import once

from shuyuan import compose, demo, migrations
from shuyuan.kernel import crypto, db
from shuyuan.kernel.settings import Settings

POINT = "year7-expressions.removing-brackets"  # of its course
MASTER_KEY = b"z" * crypto.KEY_BYTES  # with these pseudonyms the first turn passes its check with room to spare


class Enumerating(crypto.Vault):
    """A vault whose pseudonyms in data sets come from the order in which people are enrolled."""

    def __init__(self, master_key: bytes) -> None:
        super().__init__(master_key)
        self._order: dict[str, int] = {}

    def seal(self, uow: db.UnitOfWork, subject_id: str, field: str, text: str) -> bytes:
        self._order.setdefault(subject_id, len(self._order))
        return super().seal(uow, subject_id, field, text)

    def keyed_hash(self, purpose: str, value: str) -> str:
        return super().keyed_hash(purpose, str(self._order[value]) if purpose == "data set" else value)


def copy(home: Path) -> Path:
    """A demo school in `home`, which nobody has opened since it was made."""
    return once.copied(_make, home)


def _make(home: Path) -> None:
    key = home / "keys" / "master.key"
    key.parent.mkdir(parents=True, mode=0o700)
    key.write_bytes(MASTER_KEY)
    key.chmod(0o600)
    platform = compose.Platform(Settings(home=home, starter="none", port=0), vault=Enumerating(MASTER_KEY))
    try:
        migrations.upgrade(platform.get("db"))
        demo.ensure(platform)
    finally:
        platform.close()
