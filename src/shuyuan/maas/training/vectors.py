"""Sentence vectors of texts by a starter model, kept in the run's folder: a resumed run reads what it has computed.

Child processes only. Records are appended as they come; half a record at the end of the file, after a kill, is cut off.
"""

import hashlib
import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.training import starters

Model = Literal["embed", "minilm"]
Floats = NDArray[np.float32]
WIDTH = 384  # of both
_AT_ONCE = 8  # texts a pass, of similar length: what a CPU likes best
_KEY_BYTES = 16
_RECORD = np.dtype([("key", f"V{_KEY_BYTES}"), ("vector", np.float32, WIDTH)])


def of(texts: Sequence[str], model: Model) -> Floats:
    """(texts, 384) unit rows. Raises BadTraining when the model is not on this machine."""
    return np.stack([*Kept(model).of(texts)]) if len(texts) else np.zeros((0, WIDTH), np.float32)


class Kept:
    """Vectors by hash of their text."""

    def __init__(self, model: Model) -> None:
        self._model = model
        folder = run_folder()
        self._path = folder / f"vectors-{model}.bin" if folder else None
        self._known = dict(self._read())

    def of(self, texts: Sequence[str]) -> Iterator[Floats]:
        """The vector of each text, in order; those not known yet are computed first."""
        missing = sorted({text for text in texts if _key(text) not in self._known}, key=lambda text: (len(text), text))
        if missing:
            reader = _reader(self._model)
            for at in range(0, len(missing), _AT_ONCE):
                some = missing[at : at + _AT_ONCE]
                self._add(some, _vectors(reader, some))
            reader.close()
        return (self._known[_key(text)] for text in texts)

    def _read(self) -> Iterator[tuple[bytes, Floats]]:
        if self._path is None or not self._path.is_file():
            return
        whole = self._path.stat().st_size // _RECORD.itemsize
        os.truncate(self._path, whole * _RECORD.itemsize)
        for record in np.fromfile(self._path, _RECORD):
            yield bytes(record["key"]), record["vector"]

    def _add(self, texts: Sequence[str], vectors: Floats) -> None:
        records = np.zeros(len(texts), _RECORD)
        records["vector"] = vectors
        for n, text in enumerate(texts):
            records["key"][n] = np.void(_key(text))
            self._known[_key(text)] = vectors[n]
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(records.tobytes())


def run_folder() -> Path | None:
    """The folder this process trains in: its first argument. None outside a run: vectors then live in memory alone."""
    said = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    return said if said is not None and (said / "job.json").is_file() else None


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]


def _reader(model: Model) -> Any:  # Any: a BatchRunner that can be loaded, named by the table of runners
    module, _, name = runners.kinds()["embed"].partition(":")
    reader = getattr(importlib.import_module(module), name)()
    reader.load(starters.path(model), context_tokens=0, threads=int(os.environ.get("OMP_NUM_THREADS") or 1))
    return reader


def _vectors(reader: Any, texts: Sequence[str]) -> Floats:  # Any: see `_reader`
    payload: Mapping[str, object] = {"texts": [text or " " for text in texts], "kind": "query"}
    (chunk,) = runners.answer_alone(reader, "embed", payload, _Never())
    return runners.unpack_tensor(chunk.tensors["embeddings"]).astype(np.float32)


class _Never:
    """A cancellation that never comes."""

    def is_set(self) -> bool:
        """No."""
        return False
