"""The Open Inference Protocol on the wire: JSON, and its binary tensor extension. Pure; runs nothing.

A request is JSON, then, where an input says `binary_data_size`, that many raw bytes each, in order. The header
`Inference-Header-Content-Length` tells where the JSON ends. An answer is built the same way.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.kernel import errors
from shuyuan.maas.gateway.inference import graphs

LENGTH_HEADER = "inference-header-content-length"
MAX_TENSORS, MAX_RANK, NAME_CHARS = 64, 16, 160
Array = NDArray[np.generic]
Json = Mapping[str, Any]  # Any: JSON
_NUMPY = {said: word for word, said in graphs.DATATYPES.items()}
_KINDS = {"BOOL": "b", "UINT8": "iu", "INT32": "iu", "INT64": "iu", "FP32": "iuf", "FP64": "iuf"}


class BadTensor(errors.BadInput):
    """A tensor that contradicts itself, or the model it is sent to."""

    code = "bad_tensor"


class BadRequest(errors.BadInput):
    """A request that does not follow the protocol, before any tensor is looked at."""

    code = "invalid_request"


@dataclass(frozen=True)
class Wanted:
    """One output as asked for."""

    name: str
    binary: bool


@dataclass(frozen=True)
class Inference:
    """A request. outputs empty: all of them, binary when `binary` says so."""

    id: str
    inputs: Mapping[str, Array]
    outputs: tuple[Wanted, ...]
    binary: bool


def read(body: bytes, header_length: str | None) -> Inference:
    """Parse a request. Raises BadRequest or BadTensor naming the field."""
    head, raw = _split(body, header_length)
    try:
        said = json.loads(head)
    except (ValueError, RecursionError) as wrong:
        raise BadTensor(f"the request is not JSON: {wrong}", fix="send valid JSON", code="malformed_json") from wrong
    if not isinstance(said, dict):
        raise BadRequest(f"the request is {str(said)[:80]}, no JSON object", fix='send {"inputs": [...]}')
    inputs, used = dict[str, Array](), 0
    for told in _objects(said, "inputs", least=1):
        name = _name(told, inputs)
        size = _parameters(told).get("binary_data_size")
        inputs[name] = _tensor(name, told, None if size is None else raw[used : used + _bytes(name, size)])
        used += size or 0
    if used != len(raw):
        raise BadTensor(f"{len(raw)} bytes of tensors came, the inputs say {used}", fix="make binary_data_size agree")
    outputs = tuple(Wanted(_name(o, {}), _binary(o, False)) for o in _objects(said, "outputs", least=0))
    return Inference(str(said.get("id", "")), inputs, outputs, bool(_parameters(said).get("binary_data_output")))


def write(asked: Inference, outputs: Mapping[str, Array], *, model: str, version: str) -> tuple[bytes, int | None]:
    """The answer and the length of its JSON; None when it is JSON alone. Raises BadTensor for an unknown output."""
    wanted = asked.outputs or tuple(Wanted(name, asked.binary) for name in outputs)
    told, raw = list[dict[str, Any]](), list[bytes]()
    for one in wanted:
        if one.name not in outputs:
            raise BadTensor(f"there is no output {one.name!r}; there is {', '.join(outputs)}", fix="name one of them")
        array = outputs[one.name]
        entry: dict[str, Any] = {"name": one.name, "datatype": _datatype(array), "shape": list(array.shape)}
        if one.binary:
            raw.append(np.ascontiguousarray(array).tobytes())
            entry["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            entry["data"] = array.reshape(-1).tolist()
        told.append(entry)
    said: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": told}
    try:
        head = json.dumps(said | ({"id": asked.id} if asked.id else {}), allow_nan=False).encode()
    except ValueError as wrong:
        raise BadTensor("an output holds NaN or infinity, which JSON cannot say", fix="ask for binary_data") from wrong
    return head + b"".join(raw), len(head) if raw else None


def check(asked: Inference, graph: graphs.Graph) -> None:
    """Raise BadTensor unless names, datatypes and shapes are those of the graph, as far as it told them."""
    if not graph.inputs:
        return
    known = {port.name: port for port in graph.inputs}
    if sorted(known) != sorted(asked.inputs):
        raise BadTensor(f"inputs {sorted(asked.inputs)} came, the graph takes {sorted(known)}", fix="name each input")
    for name, array in asked.inputs.items():
        port = known[name]
        if _datatype(array) != port.datatype:
            raise BadTensor(f"input {name!r} is {_datatype(array)}, the graph takes {port.datatype}", fix="convert it")
        fits = len(array.shape) == len(port.shape) and all(
            want in (-1, got) for want, got in zip(port.shape, array.shape, strict=True)
        )
        if port.shape and not fits:
            raise BadTensor(
                f"input {name!r} has shape {list(array.shape)}, the graph takes {list(port.shape)}",
                fix="mend the shape; -1 stands for any size",
            )


def _split(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    if header_length is None:
        return body, b""
    if not (header_length.isascii() and header_length.isdigit()) or int(header_length) > len(body):
        raise BadRequest(f"{LENGTH_HEADER} is {header_length!r} for a body of {len(body)} bytes", fix="mend the header")
    return body[: int(header_length)], body[int(header_length) :]


def _tensor(name: str, told: Json, raw: bytes | None) -> Array:
    datatype, shape = told.get("datatype"), told.get("shape")
    if datatype not in _NUMPY:
        raise BadTensor(f"input {name!r}: datatype {datatype!r} is not served", fix=f"use {', '.join(_NUMPY)}")
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_RANK
        or any(type(size) is not int or not 0 <= size < 2**31 for size in shape)
    ):
        raise BadTensor(f"input {name!r}: shape {str(shape)[:80]} is no list of sizes", fix="send sizes >= 0")
    flat = _from_json(name, str(datatype), told.get("data")) if raw is None else _from_bytes(name, str(datatype), raw)
    if flat.size != math.prod(shape):
        raise BadTensor(
            f"input {name!r}: shape {shape} has {math.prod(shape)} elements, {flat.size} came", fix="make them agree"
        )
    return flat.reshape(shape)


def _from_bytes(name: str, datatype: str, raw: bytes) -> Array:
    kind = np.dtype(_NUMPY[datatype])
    if len(raw) % kind.itemsize:
        raise BadTensor(
            f"input {name!r}: {len(raw)} bytes are no whole number of {datatype}", fix="send whole elements"
        )
    array: Array = np.frombuffer(raw, dtype=kind)
    return array


def _from_json(name: str, datatype: str, data: object) -> Array:
    if not isinstance(data, list):
        raise BadTensor(f"input {name!r} has no data", fix="send `data`, or bytes with binary_data_size")
    try:
        given = np.asarray(data)
    except (ValueError, OverflowError, RecursionError) as ragged:
        raise BadTensor(f"input {name!r}: the data has no even shape", fix="send rows of equal length") from ragged
    flat = given.reshape(-1)
    if flat.size and flat.dtype.kind not in _KINDS[datatype]:
        raise BadTensor(f"input {name!r}: the data is not {datatype}", fix="send numbers of that datatype")
    kind = np.dtype(_NUMPY[datatype])
    if kind.kind in "iu" and flat.size and not np.iinfo(kind).min <= flat.min() <= flat.max() <= np.iinfo(kind).max:
        raise BadTensor(f"input {name!r}: a number does not fit {datatype}", fix="use a wider datatype")
    with np.errstate(over="ignore"):
        array: Array = flat.astype(kind)
    return array


def _objects(said: Json, field: str, *, least: int) -> Sequence[Json]:
    told = said.get(field, [])
    if (
        not isinstance(told, list)
        or not least <= len(told) <= MAX_TENSORS
        or not all(isinstance(o, dict) for o in told)
    ):
        given = str(said.get(field, "missing"))[:80]
        raise BadRequest(f"`{field}` is {given}: {least} to {MAX_TENSORS} objects are read", fix="send a list of them")
    return told


def _name(told: Json, taken: Mapping[str, object]) -> str:
    name = told.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS or name in taken:
        raise BadTensor(f"a tensor is called {str(name)[:80]!r}", fix="name each once, in up to 160 characters")
    return name


def _parameters(told: Json) -> Json:
    found = told.get("parameters") or {}
    if not isinstance(found, dict):
        raise BadRequest(f"`parameters` is {str(found)[:80]}", fix="send an object or leave it out")
    for word in ("shared_memory_region", "classification", "sequence_id"):
        if found.get(word):
            raise BadRequest(f"the parameter {word!r} is not served", fix="leave it out", code="unsupported_parameter")
    return found


def _binary(told: Json, default: bool) -> bool:
    return bool(_parameters(told).get("binary_data", default))


def _bytes(name: str, size: object) -> int:
    if type(size) is not int or size < 0:
        raise BadTensor(f"input {name!r}: binary_data_size is {str(size)[:40]}", fix="send a number of bytes")
    return size


def _datatype(array: Array) -> str:
    return graphs.DATATYPES.get(array.dtype.name, array.dtype.name.upper())
