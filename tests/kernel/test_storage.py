"""Content-addressed storage: found by what it holds, stored once, checked when read."""

import hashlib
import io
from pathlib import Path

import pytest

from shuyuan.kernel import errors, storage


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> storage.Storage:
    """A store in a folder, and one in another of fsspec's file systems."""
    return storage.Storage((tmp_path / "a").as_uri() if request.param == "file" else f"memory://{tmp_path}")


def test_what_is_put_is_found_by_its_sha256(store: storage.Storage) -> None:
    content = b"a small model" * 1000
    address = store.put(content)
    assert address == hashlib.sha256(content).hexdigest()
    assert store.get(address) == content
    assert store.has(address)


def test_a_stream_larger_than_a_chunk_is_stored_whole(store: storage.Storage) -> None:
    content = bytes(range(256)) * 10_000
    assert store.get(store.put(io.BytesIO(content))) == content


def test_equal_content_is_stored_once(tmp_path: Path) -> None:
    store = storage.Storage(tmp_path.as_uri())
    assert store.put(b"x") == store.put(io.BytesIO(b"x"))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_damaged_content_is_not_handed_out(tmp_path: Path) -> None:
    store = storage.Storage(tmp_path.as_uri())
    address = store.put(b"right")
    (tmp_path / address[:2] / address).write_bytes(b"wrong")
    with pytest.raises(storage.HashMismatch):
        store.get(address)


def test_what_is_not_stored_is_not_found(store: storage.Storage) -> None:
    assert not store.has("0" * 64)
    with pytest.raises(errors.NotFound):
        store.get("0" * 64)


@pytest.mark.parametrize("address", ["", "abc", "../../etc/passwd", "G" * 64, "0" * 63 + "/"])
def test_an_address_that_is_no_sha256_is_refused(store: storage.Storage, address: str) -> None:
    with pytest.raises(errors.BadInput):
        store.get(address)


def test_a_write_that_broke_off_leaves_nothing_at_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = storage.Storage(tmp_path.as_uri())
    address = hashlib.sha256(b"half").hexdigest()

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(store._fs, "mv", full)
        with pytest.raises(OSError, match="disk full"):
            store.put(b"half")
    assert not store.has(address)
    assert store.get(store.put(b"half")) == b"half"


def test_a_file_on_disk_is_stored_as_its_bytes_would_be(store: storage.Storage, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "model").write_bytes(content)
    assert store.put_file(tmp_path / "model") == store.put(content) == store.put_file(tmp_path / "model")
    assert (tmp_path / "model").is_file()


def test_a_copy_is_whole_and_what_is_absent_or_damaged_says_so(store: storage.Storage, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    copy = io.BytesIO()
    store.copy_to(store.put(content), copy)
    assert copy.getvalue() == content
    with pytest.raises(errors.NotFound):
        store.copy_to("0" * 64, io.BytesIO())
    folder = storage.Storage((tmp_path / "b").as_uri())
    address = folder.put(b"right")
    (tmp_path / "b" / address[:2] / address).write_bytes(b"wrong")
    with pytest.raises(storage.HashMismatch):
        folder.copy_to(address, io.BytesIO())


def test_what_is_removed_is_gone_and_may_be_removed_again(store: storage.Storage) -> None:
    address, other = store.put(b"mine"), store.put(b"yours")
    store.remove(address)
    store.remove(address)
    assert not store.has(address)
    assert store.get(other) == b"yours"


def test_what_a_killed_process_had_begun_to_write_is_removed_with_its_address(tmp_path: Path) -> None:
    folder = storage.Storage(str(tmp_path))
    address = folder.put(b"whole")
    (path,) = (file for file in tmp_path.rglob("*") if file.is_file())
    path.rename(path.with_name(f"{path.name}.partial"))
    assert not folder.has(address)
    folder.remove(address)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
