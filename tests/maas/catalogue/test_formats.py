"""A brought file is what its runner reads, or it is refused unopened with the reason."""

import gzip
import mmap
import struct
from pathlib import Path

import pytest
from tests.maas.catalogue import model_files as files

from shuyuan.maas.catalogue import formats, graphs, interface

GOOD = {
    "onnx": files.onnx(),
    "torch": files.safetensors(),
    "llama": files.gguf(),
    "embed": b"E5S1" + bytes(64),
    "remote": b'{"upstreams": [{"url": "https://models.school.example/v1", "model": "m"}]}',
    "espeak": b'{"voices": {"en": "en-us"}}',
}


def check(tmp_path: Path, content: bytes, runner: str) -> None:
    path = tmp_path / "brought"
    path.write_bytes(content)
    formats.check(path, runner)


@pytest.mark.parametrize("runner", GOOD)
def test_what_its_runner_reads_is_taken(tmp_path: Path, runner: str) -> None:
    check(tmp_path, GOOD[runner], runner)


@pytest.mark.parametrize("runner", GOOD)
@pytest.mark.parametrize("other", GOOD)
def test_the_file_of_another_runner_is_refused(tmp_path: Path, runner: str, other: str) -> None:
    if runner == other:
        check(tmp_path, GOOD[other], runner)
        return
    with pytest.raises(interface.RefusedFile):
        check(tmp_path, GOOD[other], runner)


@pytest.mark.parametrize("runner", [*GOOD, "ocr", "whisper"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (files.pickled(), "Python pickle"),
        (files.torch_archive(), "holds a pickle"),
        (gzip.compress(files.pickled(), mtime=0), "packed with gzip"),
        (b"", "empty"),
    ],
    ids=["pickle", "torch", "joblib", "empty"],
)
def test_what_could_run_code_and_what_is_nothing_is_refused(
    tmp_path: Path, runner: str, content: bytes, says: str
) -> None:
    with pytest.raises(interface.RefusedFile, match=says):
        check(tmp_path, content, runner)


@pytest.mark.parametrize("runner", ["ocr", "whisper"])
def test_a_model_of_several_files_is_not_registered_from_one(tmp_path: Path, runner: str) -> None:
    with pytest.raises(interface.RefusedFile, match="several files"):
        check(tmp_path, files.onnx(), runner)


@pytest.mark.parametrize("at", ["initializer", "attribute", "branch", "sparse", "function"])
@pytest.mark.parametrize("how", ["data", "location", "both"])
def test_a_graph_with_data_in_another_file_is_refused_wherever_the_tensor_is(tmp_path: Path, at: str, how: str) -> None:
    check(tmp_path, files.graph(tensor=files.field(8, b"weights") + files.field(9, b"1234"), at=at), "onnx")
    with pytest.raises(interface.RefusedFile, match="'weights' keeps its data in another file"):
        check(tmp_path, files.graph(tensor=files.outside(how), at=at), "onnx")


@pytest.mark.parametrize(
    "content",
    [
        files.onnx()[:-5],
        files.onnx() + b"\x00",
        files.field(1, 8) + files.field(7, b""),
        files.field(7, files.field(1, b"") + files.field(12, b"")),
        files.graph() + files.field(7, b""),
        b"\xff" * 100,
        b"\x0b" + bytes(20),
        bytes(100),
        b"plain text, no model at all",
    ],
    ids=["cut", "longer", "no step", "no version", "two graphs", "endless number", "group", "zeros", "text"],
)
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(interface.RefusedFile, match="no ONNX graph"):
        check(tmp_path, content, "onnx")


@pytest.mark.parametrize(
    "content",
    [b'{"voices": {}}', b'{"voices": ["en"]}', b'{"voices": {"en": 1}}', b'{"voices": {"en": ""}}', b'{"en": "en-us"}'],
)
def test_what_is_no_list_of_voices_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(interface.RefusedFile, match="no list of voices"):
        check(tmp_path, content, "espeak")


def test_a_list_of_voices_is_small(tmp_path: Path) -> None:
    with pytest.raises(interface.RefusedFile, match="not a list of voices"):
        check(tmp_path, GOOD["espeak"] + b" " * 70_000, "espeak")


def test_a_graph_nested_without_end_is_refused() -> None:
    inner = b""
    for _ in range(200):
        inner = files.field(1, files.field(5, files.field(6, inner)))
    content = files.field(1, 8) + files.field(7, files.field(1, b"") + files.field(12, b"y") + inner)
    with pytest.raises(graphs.NotAGraph, match="nested deeper"):
        graphs.check(content)


def test_a_graph_of_endless_fields_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "_MAX_FIELDS", 50)
    with pytest.raises(graphs.NotAGraph, match="more than 50 fields"):
        graphs.check(files.graph() + files.field(3, b"") * 100)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (files.safetensors(data_offsets=[0, 12]), "tensor 'a'"),
        (files.safetensors(data_offsets=[-4, 12]), "tensor 'a'"),
        (files.safetensors(data_offsets=[8, 24]), "hole or an overlap"),
        (files.safetensors(dtype="F128"), "tensor 'a'"),
        (files.safetensors(shape=[2, -2]), "tensor 'a'"),
        (files.safetensors(shape="22"), "tensor 'a'"),
        (files.safetensors() + b"more", "names 24 bytes"),
        (files.safetensors()[:-1], "names 24 bytes"),
        (struct.pack("<Q", 2) + b"{}", "names 0 bytes"),
        (struct.pack("<Q", 1 << 40) + b"{" + bytes(50), "no safetensors"),
        (struct.pack("<Q", 4) + b"{abc" + bytes(50), "not JSON"),
    ],
)
def test_a_safetensors_file_whose_header_does_not_add_up_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(interface.RefusedFile, match=says):
        check(tmp_path, content, "torch")


@pytest.mark.parametrize(
    "content", [files.gguf(version=1), files.gguf(tensors=0), files.gguf(tensors=1 << 60), b"GGUF"]
)
def test_a_gguf_head_out_of_bounds_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(interface.RefusedFile, match="GGUF"):
        check(tmp_path, content, "llama")


def test_the_walk_reads_a_mapped_file_too(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(files.onnx())
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        graphs.check(content)
    with pytest.raises(graphs.NotAGraph):
        graphs.check(files.onnx()[1:])
