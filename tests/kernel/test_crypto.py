"""Sealed fields: bound to person and column, unreadable after erasure; keyed hashes."""

import os
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shuyuan.kernel import crypto, db, errors


def seal(database: db.Database, vault: crypto.Vault, subject: str, text: str, field: str = "t.name") -> bytes:
    return database.write(lambda uow: vault.seal(uow, subject, field, text))


def opened(database: db.Database, vault: crypto.Vault, subject: str, blob: bytes, field: str = "t.name") -> str:
    with database.read() as conn:
        return vault.open(conn, subject, field, blob)


def fresh() -> crypto.Vault:
    """The same master key in another process: nothing in memory."""
    return crypto.Vault(b"k" * crypto.KEY_BYTES)


def test_a_sealed_text_opens_here_and_in_another_process(database: db.Database, vault: crypto.Vault) -> None:
    blob = seal(database, vault, "anna", "欧阳小宇")
    assert opened(database, vault, "anna", blob) == opened(database, fresh(), "anna", blob) == "欧阳小宇"
    assert "欧阳小宇".encode() not in blob


def test_equal_texts_have_unequal_ciphertexts(database: db.Database, vault: crypto.Vault) -> None:
    assert seal(database, vault, "anna", "x") != seal(database, vault, "anna", "x")


def test_a_ciphertext_moved_to_another_person_or_column_does_not_open(
    database: db.Database, vault: crypto.Vault
) -> None:
    blob = seal(database, vault, "anna", "secret")
    seal(database, vault, "ben", "other")
    with pytest.raises(errors.Conflict):
        opened(database, vault, "ben", blob)
    with pytest.raises(errors.Conflict):
        opened(database, vault, "anna", blob, field="t.note")


def test_a_changed_ciphertext_does_not_open(database: db.Database, vault: crypto.Vault) -> None:
    blob = seal(database, vault, "anna", "secret")
    for bent in (blob[:-1] + bytes([blob[-1] ^ 1]), bytes([blob[0] ^ 1]) + blob[1:], blob[:20]):
        with pytest.raises(errors.Conflict):
            opened(database, vault, "anna", bent)


def test_a_persons_key_moved_to_another_person_does_not_unwrap(database: db.Database, vault: crypto.Vault) -> None:
    blob = seal(database, vault, "anna", "secret")
    table = crypto.person_key
    with database.read() as conn:
        row = conn.execute(select(table)).one()
    database.write(
        lambda uow: uow.conn.execute(
            table.insert().values(subject_id="ben", wrapped_key=row.wrapped_key, created_at=uow.now)
        )
    )
    with pytest.raises(errors.Conflict):
        opened(database, fresh(), "ben", blob)


def test_another_master_key_opens_nothing(database: db.Database, vault: crypto.Vault) -> None:
    blob = seal(database, vault, "anna", "secret")
    with pytest.raises(errors.Conflict):
        opened(database, crypto.Vault(b"x" * crypto.KEY_BYTES), "anna", blob)


def test_erasure_destroys_the_key_and_with_it_every_field(database: db.Database, vault: crypto.Vault) -> None:
    name, note = seal(database, vault, "anna", "Anna"), seal(database, vault, "anna", "likes maths", "t.note")
    kept = seal(database, vault, "ben", "Ben")
    assert opened(database, vault, "anna", name) == "Anna", "the key is in memory"
    database.write(lambda uow: vault.erase(uow, "anna"))
    for process in (vault, fresh()):
        assert opened(database, process, "anna", name) == crypto.ERASED
        assert opened(database, process, "anna", note, "t.note") == crypto.ERASED
        assert opened(database, process, "ben", kept) == "Ben"


def test_an_undone_erasure_erases_nothing(database: db.Database, vault: crypto.Vault) -> None:
    blob = seal(database, vault, "anna", "Anna")

    def undone(uow: db.UnitOfWork) -> None:
        vault.erase(uow, "anna")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(undone)
    assert opened(database, vault, "anna", blob) == opened(database, fresh(), "anna", blob) == "Anna"


def test_a_reader_on_an_older_snapshot_does_not_bring_an_erased_key_back(
    database: db.Database, vault: crypto.Vault
) -> None:
    blob = seal(database, vault, "anna", "Anna")
    reader = fresh()
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(crypto.person_key)).scalar_one() == 1
        database.write(lambda uow: reader.erase(uow, "anna"))
        assert reader.open(conn, "anna", "t.name", blob) == "Anna", "this snapshot still has the key"
    assert opened(database, reader, "anna", blob) == crypto.ERASED


def test_an_undone_unit_leaves_no_key_in_memory(database: db.Database, vault: crypto.Vault) -> None:
    def undone(uow: db.UnitOfWork) -> None:
        vault.seal(uow, "anna", "t.name", "Anna")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(undone)
    blob = seal(database, vault, "anna", "Anna")
    assert opened(database, fresh(), "anna", blob) == "Anna", "sealed under a key that a row holds"


def test_many_keys_are_fetched_in_few_queries(database: db.Database, vault: crypto.Vault) -> None:
    people = [f"p{n}" for n in range(crypto._WARM + 5)]
    blobs = database.write(lambda uow: {who: vault.seal(uow, who, "t.name", who) for who in people})
    cold = fresh()
    with database.read() as conn:
        cold.warm(conn, [*people, "nobody"])
    with database.read() as conn:
        conn.close()  # nothing below may ask the database
        assert [cold.open(conn, who, "t.name", blobs[who]) for who in people] == people


def test_keyed_hashes_are_equal_for_equal_values_and_purposes_only(vault: crypto.Vault) -> None:
    known = vault.keyed_hash("login", "anna")
    assert known == fresh().keyed_hash("login", "anna")
    others = (
        vault.keyed_hash("login", "ben"),
        vault.keyed_hash("client", "anna"),
        vault.keyed_hash("log", "inanna"),
        crypto.Vault(b"x" * 32).keyed_hash("login", "anna"),
    )
    assert known not in others
    assert len(set(others)) == 4


def test_the_master_key_is_made_once_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    key = crypto.load_master_key(path)
    assert len(key) == crypto.KEY_BYTES
    assert crypto.load_master_key(path) == key
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(path.parent).st_mode & 0o777 == 0o700


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_master_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(errors.BadInput):
        crypto.Vault(b"k" * length)
