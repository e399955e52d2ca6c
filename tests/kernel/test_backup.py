"""A backup restores into an empty installation, exactly, and nowhere else."""

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from shuyuan.kernel import audit, backup, crypto, db, errors, outbox
from shuyuan.kernel.storage import Storage


def _fill(database: db.Database, home: Path) -> crypto.Vault:
    vault = crypto.Vault(crypto.load_master_key(home / "keys" / "master.key"))
    log = audit.Audit(vault)

    def work(uow: db.UnitOfWork) -> None:
        vault.seal(uow, "p1", "t.c", "小宇")
        log.record(uow, school_id="s", actor_id="a", action="thing.done", count=3)
        outbox.Outbox(database).emit(uow, "kind", school_id="s", words="你好\u2028再见")

    database.write(work)
    Storage((home / "artefacts").as_uri()).put(b"weights")
    return vault


def test_restore_gives_back_every_row_key_and_artefact(
    database: db.Database, tmp_path: Path, sqlite_template: Path
) -> None:
    vault = _fill(database, tmp_path / "home")
    backup.write(database, tmp_path / "home", tmp_path / "b.zip", schema="1")
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    fresh_file = tmp_path / "fresh.db"
    fresh_file.write_bytes(sqlite_template.read_bytes())
    fresh = db.open_database(f"sqlite:///{fresh_file}")
    done = backup.restore(fresh, tmp_path / "other", tmp_path / "b.zip", schema="1")
    assert (done.rows, done.artefacts) == (4, 1)
    for table in db.metadata.sorted_tables:
        with database.read() as before, fresh.read() as after:
            assert list(before.execute(select(table))) == list(after.execute(select(table))), table.name
    with fresh.read() as conn:
        assert audit.Audit(vault).verify(conn).fault is None
    assert crypto.load_master_key(tmp_path / "other" / "keys" / "master.key") == crypto.load_master_key(
        tmp_path / "home" / "keys" / "master.key"
    )
    outbox.Outbox(fresh)
    fresh.write(lambda uow: outbox.Outbox(fresh).emit(uow, "next", school_id="s"))
    with fresh.read() as conn:
        assert conn.execute(select(func.count()).select_from(outbox.event)).scalar_one() == 2
    fresh.close()


def test_restored_sequences_go_on_where_they_ended(
    database: db.Database, tmp_path: Path, sqlite_template: Path
) -> None:
    source_file = tmp_path / "source.db"
    source_file.write_bytes(sqlite_template.read_bytes())
    source = db.open_database(f"sqlite:///{source_file}")
    _fill(source, tmp_path / "home")
    backup.write(source, tmp_path / "home", tmp_path / "b.zip", schema="1")
    source.close()
    backup.restore(database, tmp_path / "other", tmp_path / "b.zip", schema="1")
    database.write(lambda uow: outbox.Outbox(database).emit(uow, "next", school_id="s"))
    with database.read() as conn:
        assert list(conn.execute(select(outbox.event.c.seq).order_by(outbox.event.c.seq)).scalars()) == [1, 2]


def test_a_filled_installation_is_never_overwritten(database: db.Database, tmp_path: Path) -> None:
    _fill(database, tmp_path / "home")
    backup.write(database, tmp_path / "home", tmp_path / "b.zip", schema="1")
    with pytest.raises(errors.Conflict, match="already holds rows"):
        backup.restore(database, tmp_path / "other", tmp_path / "b.zip", schema="1")
    with pytest.raises(errors.Conflict, match="is there already"):
        backup.write(database, tmp_path / "home", tmp_path / "b.zip", schema="1")


def test_a_damaged_or_foreign_file_is_refused_before_anything_is_written(database: db.Database, tmp_path: Path) -> None:
    other = tmp_path / "home"
    crypto.load_master_key(other / "keys" / "master.key")
    backup.write(database, other, tmp_path / "b.zip", schema="1")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    _zip(tmp_path / "bent.zip", {**members, "keys/master.key": b"x" * 32})
    with pytest.raises(errors.BadInput, match=r"master\.key is damaged"):
        backup.restore(database, tmp_path / "new", tmp_path / "bent.zip", schema="1")
    with pytest.raises(errors.BadInput, match="schema 1, this installation is at 2"):
        backup.restore(database, tmp_path / "new", tmp_path / "b.zip", schema="2")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(errors.BadInput, match="no Shuyuan backup"):
        backup.restore(database, tmp_path / "new", tmp_path / "text.zip", schema="1")
    manifest = json.loads(members["manifest.json"])
    manifest["members"]["../outside"] = "0" * 64
    _zip(tmp_path / "escape.zip", {**members, "manifest.json": json.dumps(manifest).encode(), "../outside": b""})
    with pytest.raises(errors.BadInput, match="outside"):
        backup.restore(database, tmp_path / "new", tmp_path / "escape.zip", schema="1")
    assert not (tmp_path / "new").exists()


MANY, WORDS = 6000, "答" * 1000  # 6000 rows of 3 kB: 18 MB
BOUND_BYTES = 9_000_000


def test_rows_and_files_pass_through_in_pieces_both_ways(
    database: db.Database, tmp_path: Path, sqlite_template: Path
) -> None:
    (tmp_path / "home" / "artefacts").mkdir(parents=True)
    with (tmp_path / "home" / "artefacts" / "model").open("wb") as model:
        model.truncate(2 * BOUND_BYTES)
    _fill_with_events(database)
    cursors: list[str] = []
    event.listen(database.engine, "after_cursor_execute", lambda _c, cursor, *_: cursors.append(type(cursor).__name__))
    assert _peak(lambda: backup.write(database, tmp_path / "home", tmp_path / "b.zip", schema="1")) < BOUND_BYTES
    if database.dialect == "postgresql":  # what its client library holds is not seen above: ask that it holds little
        assert cursors.count("ServerCursor") == len(db.metadata.sorted_tables)
    _empty(database)
    assert _peak(lambda: backup.restore(database, tmp_path / "new", tmp_path / "b.zip", schema="1")) < BOUND_BYTES
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(outbox.event)).scalar_one() == MANY
    assert (tmp_path / "new" / "artefacts" / "model").stat().st_size == 2 * BOUND_BYTES


def _fill_with_events(database: db.Database) -> None:
    def work(uow: db.UnitOfWork) -> None:
        log = outbox.Outbox(database)
        log.emit(uow, "kind", school_id="s", words=WORDS)
        made = dict(uow.conn.execute(select(outbox.event)).one()._mapping)
        del made["seq"]
        for start in range(1, MANY, 500):
            some = range(start, min(MANY, start + 500))
            uow.conn.execute(outbox.event.insert(), [made] * len(some))

    database.write(work)


def _empty(database: db.Database) -> None:
    database.write(lambda uow: uow.conn.execute(outbox.event.delete()))


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
