"""Is a file what its runner reads? Judged from a few bytes and the lengths between them; nothing is loaded.

Refuses what could run code or reach other files when it is opened: pickles in every wrapping, and graphs whose
weights lie elsewhere. The walk over a graph is bounded; no library of any runner is imported here.
"""

import json
import mmap
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from shuyuan.maas.catalogue import graphs, interface, remotes

_HEAD_BYTES = 64
_PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x80\x01")
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x78\x9c": "zlib", b"\x78\xda": "zlib"}
_MAX_HEADER_BYTES = 16 << 20  # the format allows 100 MB; 100,000 tensors need 10
_MAX_COUNT = 1_000_000
_DTYPE_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
_DTYPE_BYTES |= {"I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}
_MAX_VOICES_BYTES = 64 << 10


def check(path: Path, runner: str) -> None:
    """Raise RefusedFile unless `path` is a file that a runner of this kind reads."""
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise interface.RefusedFile("the file is empty", fix="send the model file itself")
    with path.open("rb") as handle:
        head = handle.read(_HEAD_BYTES)
    _refuse_pickle(path, head)
    checker = _CHECKS.get(runner)
    if checker:
        checker(path, head, size_bytes)
    elif runner in interface.RUNNER_KINDS:
        raise interface.RefusedFile(
            f"a model of runner {runner!r} is several files and cannot be registered from one",
            fix=f"use one of {', '.join(_CHECKS)}",
        )


def _refuse_pickle(path: Path, head: bytes) -> None:
    if head.startswith(_PICKLED):
        raise _pickle("a Python pickle")
    if head.startswith(b"PK\x03\x04"):
        names = _names_in(path)
        if any(name.endswith((".pkl", ".pickle")) for name in names):
            raise _pickle("a PyTorch archive that holds a pickle")
        raise _wrong("a zip archive", fix="unpack it and send the model file inside")
    for magic, kind in _PACKED.items():
        if head.startswith(magic):
            raise _wrong(f"packed with {kind} (joblib and pickle files often are)", fix="send the plain model file")


def _names_in(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []


def _check_gguf(path: Path, head: bytes, size_bytes: int) -> None:
    if not head.startswith(b"GGUF") or size_bytes <= 24:
        raise _wrong("no GGUF file", fix="convert the model to GGUF; runner llama reads nothing else")
    version, tensors, pairs = struct.unpack_from("<IQQ", head, 4)
    if version not in (2, 3) or not 0 < tensors <= _MAX_COUNT or pairs > _MAX_COUNT:
        raise _wrong(
            f"a damaged GGUF file (version {version}, {tensors} tensors, {pairs} entries)", fix="send it again"
        )


def _check_safetensors(path: Path, head: bytes, size_bytes: int) -> None:
    length = int.from_bytes(head[:8], "little")
    if size_bytes < 10 or not 2 <= length <= min(_MAX_HEADER_BYTES, size_bytes - 8) or head[8:9] != b"{":
        raise _wrong("no safetensors file", fix="save the weights with safetensors; runner torch reads nothing else")
    with path.open("rb") as handle:
        handle.seek(8)
        header = _json(handle.read(length), "the safetensors header")
    spans = sorted(_span(name, one) for name, one in header.items() if name != "__metadata__")
    end = 0
    for begin, stop in spans:
        if begin != end:
            raise _wrong(f"a damaged safetensors file: a hole or an overlap at byte {end}", fix="save it again")
        end = stop
    if not spans or end != size_bytes - 8 - length:
        raise _wrong(f"a damaged safetensors file: the header names {end} bytes of weights", fix="save it again")


def _span(name: str, one: object) -> tuple[int, int]:
    """Where a tensor's bytes lie; refused when dtype, shape and place do not agree."""
    match one:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(stop)]}:
            sizes = [n for n in shape if isinstance(n, int) and n >= 0]
            wanted = _DTYPE_BYTES.get(dtype, -1)
            for n in sizes:
                wanted *= n
            if len(sizes) == len(shape) and begin >= 0 and stop - begin == wanted:
                return begin, stop
    raise _wrong(f"a damaged safetensors file: tensor {name[:80]!r}", fix="save it again")


def _check_onnx(path: Path, head: bytes, size_bytes: int) -> None:
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _check_graph(content)


def _check_graph(content: graphs.Bytes) -> None:
    try:
        graphs.check(content)
    except graphs.NotAGraph as wrong:
        raise _wrong(f"no ONNX graph: {wrong}", fix="export the model to ONNX again") from wrong
    except graphs.OutsideData as wrong:
        raise interface.RefusedFile(
            f"the graph's tensor {wrong} keeps its data in another file",
            fix="export the graph as one file, without external data",
        ) from wrong


def _check_staged(path: Path, head: bytes, size_bytes: int) -> None:
    """Stages in a safetensors file: each names a tensor of bytes that is a graph with all its data inside."""
    _check_safetensors(path, head, size_bytes)
    start = 8 + int.from_bytes(head[:8], "little")
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        header = _json(content[8:start], "the safetensors header")
        match header.get("__metadata__"):
            case {"stages": str(written)}:
                stages = _json(written.encode(), "the list of stages").get("stages")
            case _:
                stages = None
        if not isinstance(stages, list) or not stages:
            raise _wrong("no model in stages", fix="split a model with `shuyuan compress … --method stages`")
        for stage in stages:
            match header.get(str(stage.get("graph"))) if isinstance(stage, dict) else None:
                case {"dtype": "U8", "data_offsets": [int(begin), int(stop)]}:
                    _check_graph(content[start + begin : start + stop])
                case _:
                    raise _wrong("a list of stages without their graphs", fix="split the model again")


def _check_embed(path: Path, head: bytes, size_bytes: int) -> None:
    if not head.startswith(b"E5S1"):
        raise _wrong("no encoder container", fix="register the encoder as ONNX (runner onnx) instead")


def _check_remote(path: Path, head: bytes, size_bytes: int) -> None:
    remotes.check(path)


def _check_espeak(path: Path, head: bytes, size_bytes: int) -> None:
    if size_bytes > _MAX_VOICES_BYTES:
        raise _wrong(f"{size_bytes} bytes, not a list of voices", fix="send a small JSON object")
    voices = _json(path.read_bytes(), "the list of voices").get("voices")
    if not isinstance(voices, dict) or not voices or not all(isinstance(v, str) and v for v in voices.values()):
        raise _wrong("no list of voices", fix='write {"voices": {"en": "en-us", "zh": "cmn"}}')


def _json(content: bytes, what: str) -> Mapping[str, object]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as wrong:
        raise _wrong(f"damaged: {what} is not JSON", fix="save it again") from wrong
    if not isinstance(found, dict):
        raise _wrong(f"damaged: {what} is not a JSON object", fix="save it again")
    return found


def _pickle(what: str) -> interface.RefusedFile:
    return interface.RefusedFile(
        f"the file is {what}, which can run code when it is opened; it was not opened",
        fix="save the model as ONNX, safetensors or GGUF",
    )


def _wrong(what: str, *, fix: str) -> interface.RefusedFile:
    return interface.RefusedFile(f"the file is {what}", fix=fix)


_CHECKS: Mapping[str, Callable[[Path, bytes, int], None]] = {
    "llama": _check_gguf,
    "onnx": _check_onnx,
    "torch": _check_safetensors,
    "staged": _check_staged,
    "embed": _check_embed,
    "remote": _check_remote,
    "espeak": _check_espeak,
}
