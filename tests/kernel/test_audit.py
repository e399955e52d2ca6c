"""The audit chain: every way of tampering shows, on both dialects; each guard is broken once here."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from shuyuan.kernel import audit, crypto, db

entry, head = audit.entry, audit.head


@pytest.fixture
def trail(database: db.Database, vault: crypto.Vault) -> audit.Audit:
    """Five entries."""
    trail = audit.Audit(vault)
    for n in range(1, 6):
        database.write(
            lambda uow, n=n: trail.record(  # type: ignore[misc]
                uow,
                school_id="north",
                actor_id="anna",
                action="thing.done",
                object_id=f"o{n}",
                n=n,
                share=0.25,
                who=None,
            )
        )
    return trail


def verify(database: db.Database, trail: audit.Audit) -> audit.Verified:
    with database.read() as conn:
        return trail.verify(conn)


def swap(uow: db.UnitOfWork) -> None:
    for old, new in ((2, 100), (3, 2), (100, 3)):
        uow.conn.execute(update(entry).where(entry.c.seq == old).values(seq=new))


def cut_and_cover(uow: db.UnitOfWork) -> None:
    """Remove the last entry and set the head to the one before, as somebody with the database alone could."""
    uow.conn.execute(delete(entry).where(entry.c.seq == 5))
    digest = uow.conn.execute(select(entry.c.digest).where(entry.c.seq == 4)).scalar_one()
    uow.conn.execute(update(head).values(seq=4, digest=digest))


def append_forged(uow: db.UnitOfWork) -> None:
    last = uow.conn.execute(select(entry).where(entry.c.seq == 5)).one()._mapping
    uow.conn.execute(insert(entry).values({**last, "seq": 6, "object_id": "forged"}))
    uow.conn.execute(update(head).values(seq=6, digest=last["digest"]))


def set_entry(seq: int, **values: object) -> Callable[[db.UnitOfWork], object]:
    return lambda uow: uow.conn.execute(update(entry).where(entry.c.seq == seq).values(**values))


def test_an_untouched_chain_holds(database: db.Database, trail: audit.Audit) -> None:
    assert verify(database, trail) == audit.Verified(5, None)


def anchored(database: db.Database, vault: crypto.Vault, trail: audit.Audit, tmp_path: Path) -> audit.Audit:
    kept = audit.Audit(vault, tmp_path / "audit.anchor")
    with database.read() as conn:
        kept.drop_anchor(conn)
    assert (tmp_path / "audit.anchor").stat().st_mode & 0o777 == 0o600
    assert verify(database, kept).fault is None
    return kept


def test_a_log_emptied_whole_is_noticed_by_its_anchor(
    database: db.Database, vault: crypto.Vault, trail: audit.Audit, tmp_path: Path
) -> None:
    kept = anchored(database, vault, trail, tmp_path)

    def wipe(uow: db.UnitOfWork) -> None:
        uow.conn.execute(delete(entry))
        uow.conn.execute(delete(head))

    database.write(wipe)
    assert verify(database, trail).fault is None
    assert "5 entries were once here" in str(verify(database, kept).fault)


def test_a_log_set_back_and_grown_again_is_noticed_by_its_anchor(
    database: db.Database, vault: crypto.Vault, trail: audit.Audit, tmp_path: Path
) -> None:
    with database.read() as conn:
        old_head = conn.execute(select(head)).one()._mapping
    database.write(lambda uow: trail.record(uow, school_id="n", actor_id="a", action="secret.done"))
    kept = anchored(database, vault, trail, tmp_path)

    def set_back(uow: db.UnitOfWork) -> None:
        uow.conn.execute(delete(entry).where(entry.c.seq > 5))
        uow.conn.execute(update(head).values(**old_head))

    database.write(set_back)
    assert "6 entries were once here" in str(verify(database, kept).fault)
    for _ in range(3):
        database.write(lambda uow: kept.record(uow, school_id="n", actor_id="a", action="other.done"))
    with database.read() as conn:
        kept.drop_anchor(conn)
    assert verify(database, trail).fault is None
    assert "entry 6 is not the one" in str(verify(database, kept).fault)


def test_a_forged_anchor_is_noticed(
    database: db.Database, vault: crypto.Vault, trail: audit.Audit, tmp_path: Path
) -> None:
    kept = anchored(database, vault, trail, tmp_path)
    (tmp_path / "audit.anchor").write_text('{"seq": 1, "digest": "x", "seal": "y"}')
    assert "anchor file" in str(verify(database, kept).fault)


def test_an_empty_chain_holds(database: db.Database, vault: crypto.Vault) -> None:
    assert verify(database, audit.Audit(vault)) == audit.Verified(0, None)


@pytest.mark.parametrize(
    ("tamper", "entries", "fault"),
    [
        (set_entry(3, actor_id="ben"), 2, "entry 3 was changed"),
        (set_entry(3, school_id="south"), 2, "entry 3 was changed"),
        (set_entry(3, action="thing.undone"), 2, "entry 3 was changed"),
        (set_entry(3, object_id="o4"), 2, "entry 3 was changed"),
        (set_entry(1, detail={"n": 2, "share": 0.25, "who": None}), 0, "entry 1 was changed"),
        (set_entry(5, detail={"n": 5, "share": 0.26, "who": None}), 4, "entry 5 was changed"),
        (set_entry(3, digest="0" * 64), 2, "entry 3 was changed"),
        (
            lambda uow: uow.conn.execute(update(entry).where(entry.c.seq == 2).values(at=uow.now)),
            1,
            "entry 2 was changed",
        ),
        (lambda uow: uow.conn.execute(delete(entry).where(entry.c.seq == 1)), 0, "entry 1 is missing"),
        (lambda uow: uow.conn.execute(delete(entry).where(entry.c.seq == 3)), 2, "entry 3 is missing"),
        (lambda uow: uow.conn.execute(delete(entry).where(entry.c.seq > 3)), 3, "the tail after entry 3 was cut off"),
        (lambda uow: uow.conn.execute(delete(entry)), 0, "the tail after entry 0 was cut off"),
        (lambda uow: uow.conn.execute(delete(head)), 5, "the head row is missing"),
        (cut_and_cover, 4, "the head row was changed"),
        (append_forged, 5, "entry 6 was changed"),
        (swap, 1, "entry 2 was changed"),
    ],
)
def test_tampering_shows(
    database: db.Database, trail: audit.Audit, tamper: Callable[[db.UnitOfWork], object], entries: int, fault: str
) -> None:
    database.write(lambda uow: tamper(uow) and None)
    found = verify(database, trail)
    assert found.entries == entries
    assert str(found.fault).startswith(fault)


def test_the_chain_goes_on_after_a_restart_and_undone_units_leave_no_gap(
    database: db.Database, trail: audit.Audit, vault: crypto.Vault
) -> None:
    def undone(uow: db.UnitOfWork) -> None:
        trail.record(uow, school_id="north", actor_id="anna", action="thing.tried")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(undone)
    again = audit.Audit(vault)
    database.write(lambda uow: again.record(uow, school_id="north", actor_id="anna", action="thing.done"))
    assert verify(database, again) == audit.Verified(6, None)


def test_another_master_key_does_not_verify(database: db.Database, trail: audit.Audit) -> None:
    assert verify(database, audit.Audit(crypto.Vault(b"x" * 32))).fault == "entry 1 was changed"


@pytest.mark.parametrize("value", [1e16, 1e300, 5e-324, 0.1, -0.0, 2**53, True, None, "书院 \U0001f4da \\ \" '"])
def test_whatever_a_detail_holds_comes_back_the_same(
    database: db.Database, vault: crypto.Vault, value: float | str | bool | None
) -> None:
    trail = audit.Audit(vault)
    database.write(lambda uow: trail.record(uow, school_id="n", actor_id="a", action="thing.done", value=value))
    assert verify(database, trail).fault is None


def test_two_hundred_units_make_one_chain(database: db.Database, trail: audit.Audit) -> None:
    def note(n: int) -> None:
        database.write(lambda uow: trail.record(uow, school_id="north", actor_id="a", action="thing.done", n=n))

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(note, range(200)))
    assert verify(database, trail) == audit.Verified(205, None)


def test_entries_are_listed_newest_first_by_school_action_and_page(database: db.Database, trail: audit.Audit) -> None:
    database.write(lambda uow: trail.record(uow, school_id="south", actor_id="b", action="key.created"))
    database.write(lambda uow: trail.record(uow, school_id="north", actor_id="b", action="key.created"))
    with database.read() as conn:
        assert [row.seq for row in audit.entries(conn, "north", limit=3)] == [7, 5, 4]
        assert [row.seq for row in audit.entries(conn, "north", before_seq=3)] == [2, 1]
        assert [row.seq for row in audit.entries(conn, "north", action="key.")] == [7]
        assert [row.seq for row in audit.entries(conn, "south")] == [6]
