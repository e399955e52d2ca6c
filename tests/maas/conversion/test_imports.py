"""Files that people send become versions in the background, or are refused with the reason; no half of one stays."""

import errno
import io
import pickle
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.maas import onnx_file

from shuyuan.compose import Platform
from shuyuan.kernel import errors, ids
from shuyuan.maas.conversion import interface, unpacking
from shuyuan.maas.conversion.service import CHILDREN, ConversionService

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GRAPH = onnx_file.linear(np.eye(3, dtype=np.float32))


@pytest.fixture
def school_id(platform: Platform) -> str:
    found: str = platform.get("identity").create_school("学校").id
    return found


@pytest.fixture
def conversion(platform: Platform) -> ConversionService:
    found: ConversionService = platform.get("conversion")
    return found


def send(
    conversion: ConversionService, school_id: str, content: bytes = GRAPH, filename: str = "linear.onnx"
) -> interface.Import:
    new = interface.NewImport(model="linear", filename=filename, labels=("a", "b", "c"))
    return conversion.start(school_id, "system", io.BytesIO(content), new)


def ended(conversion: ConversionService, one: interface.Import) -> interface.Import:
    until = time.monotonic() + 60
    while not (now := conversion.one(one.school_id, one.id)).ended:
        assert time.monotonic() < until
        time.sleep(0.02)
    return now


def left(platform: Platform) -> list[str]:
    """Files that stayed, of all imports, once it has cleared up."""
    platform.get("conversion").close()
    folder = platform.settings.home / "conversions"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_that_is_sent_becomes_a_version_and_is_told_of(
    platform: Platform, conversion: ConversionService, school_id: str
) -> None:
    done = ended(conversion, send(conversion, school_id))
    assert (done.state, done.kind, done.version, done.error) == ("finished", "onnx", "models:/linear/1", None)
    version = platform.get("catalogue").resolve(school_id, "models:/linear/1")
    assert version.spec == {"output": "y", "labels": ["a", "b", "c"]}
    assert left(platform) == ["about.json"]
    with pytest.raises(errors.NotFound):
        conversion.one(ids.new_id(), done.id)
    with pytest.raises(errors.Conflict):
        conversion.cancel(school_id, done.id)
    assert conversion.imports(ids.new_id()) == []


def test_what_is_refused_says_why_and_leaves_nothing(
    platform: Platform, conversion: ConversionService, school_id: str
) -> None:
    sent = [send(conversion, school_id, pickle.dumps([1]), "../../model.pkl"), send(conversion, school_id, b"GGUF")]
    told = [ended(conversion, one).error for one in sent]
    assert told[0] is not None
    assert told[1] is not None
    assert (told[0]["code"], told[1]["code"]) == ("model_refused", "model_file_refused")
    assert "any code" in told[0]["message"]
    assert "from_sklearn" in told[0]["fix"]
    assert left(platform) == ["about.json"] * 2
    assert platform.get("catalogue").versions(school_id, "linear") == []


def test_a_disk_that_is_full_keeps_nothing(
    platform: Platform, conversion: ConversionService, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(platform.get("storage"), "put_file", full)
    told = ended(conversion, send(conversion, school_id)).error
    assert told is not None
    assert told["code"] in ("disk_full", "no_space")
    assert platform.get("catalogue").versions(school_id, "linear") == []
    assert left(platform) == ["about.json"]


def test_what_breaks_before_it_begins_has_failed_and_what_breaks_after_a_cancel_stays_cancelled(
    conversion: ConversionService, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = conversion._imports
    monkeypatch.setattr(imports, "_queue", lambda one: None)  # its turn comes below
    blocked, cancelled = send(conversion, school_id), send(conversion, school_id)
    (imports._root / blocked.id / "work").write_text("no folder")
    imports._do(blocked)
    assert conversion.one(school_id, blocked.id).state == "failed"

    def broken(*_: object) -> interface.Import:
        conversion.cancel(school_id, cancelled.id)
        raise OSError("its folder is gone")

    monkeypatch.setattr(imports, "_bring", broken)
    for _ in range(2):  # at work, and when its turn comes after that
        imports._do(cancelled)
        assert conversion.one(school_id, cancelled.id).state == "cancelled"


def test_what_a_server_left_is_done_by_the_next_one_and_registered_once(
    platform: Platform, conversion: ConversionService, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion._imports, "_queue", lambda one: None)  # the server dies before its turn comes
    sent = send(conversion, school_id)
    then = conversion.one(school_id, sent.id)
    conversion.close()
    for _ in range(2):  # the second one finds it as if the first had died just after it registered
        following = ConversionService(platform.get("catalogue"), platform.settings)
        assert following.resume() == 1
        assert ended(following, sent).version == "models:/linear/1"
        following.close()
        place = platform.settings.home / "conversions" / sent.id
        (place / "file").mkdir()
        (place / "file" / "linear.onnx").write_bytes(GRAPH)
        following._imports._note(then)


def test_cancelled_before_its_turn_it_never_begins(
    platform: Platform, conversion: ConversionService, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[interface.Import] = []
    with monkeypatch.context() as held:
        held.setattr(conversion._imports, "_queue", sent.append)
        one = send(conversion, school_id)
    assert conversion.cancel(school_id, one.id).state == "cancelled"
    conversion._imports._do(sent[0])
    assert conversion.one(school_id, one.id).state == "cancelled"
    assert left(platform) == ["about.json"]


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def hostile() -> Iterator[tuple[str, str, tuple[str | zipfile.ZipInfo, bytes]]]:
    link = zipfile.ZipInfo("model/model.safetensors")
    link.external_attr = 0o120777 << 16
    yield "bomb", "becomes 40,000,000 bytes", ("model/model.safetensors", bytes(40_000_000))
    yield "climbs", "reaches out", ("model/../../x", b"x")
    yield "absolute", "reaches out", ("/etc/x", b"x")
    yield "link", "is a link", (link, b"/etc/passwd")


@pytest.mark.parametrize(("said", "member"), [pytest.param(*rest, id=name) for name, *rest in hostile()])
def test_a_hostile_archive_is_refused_before_anything_is_written(
    tmp_path: Path, said: str, member: tuple[str, bytes], database_url: str
) -> None:
    path = zipped(tmp_path / "model.zip", ("model/config.json", b"{}"), member)
    with pytest.raises(interface.RefusedModel, match=said):
        unpacking.folder_of(path, tmp_path / "unpacked", 1 << 30)
    assert not (tmp_path / "unpacked").exists()


def test_a_zipped_folder_is_unpacked_within_bounds_and_then_looked_at(
    conversion: ConversionService, tmp_path: Path
) -> None:
    (place := tmp_path / "work").mkdir()
    members = [("minilm/config.json", b'{"model_type": "llama"}'), ("minilm/model.safetensors", b"x" * 500)]
    path = zipped(tmp_path / "minilm.zip", *members, ("__MACOSX/minilm/._config.json", b"junk"))
    with pytest.raises(interface.RefusedModel, match="architecture llama"):
        conversion.convert(path, place)
    with pytest.raises(interface.RefusedModel, match="at most 100 are taken"):
        unpacking.folder_of(path, tmp_path / "unpacked", 100)
    with pytest.raises(interface.RefusedModel, match="as a pickle"):
        conversion.convert(zipped(path, ("config.json", b"{}"), ("pytorch_model.bin", b"x")), place)


def test_conversion_without_room_on_the_disk_says_so(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "linear.onnx").write_bytes(onnx_file.linear(np.eye(80, dtype=np.float32)))
    job = f'{{"source": "{tmp_path / "linear.onnx"}", "environments": "", "most_bytes": 1000000}}'
    (tmp_path / "job.json").write_text(job)
    full = ("sh", "-c", 'ulimit -f 16; exec "$@"', "sh", sys.executable, "-m", CHILDREN.module)  # 8 kB a file
    with pytest.raises(errors.BadInput) as refused:
        replace(CHILDREN, command=full).run(tmp_path)
    assert refused.value.error_code == "disk_full"
    assert not (tmp_path / "result.json").exists()
