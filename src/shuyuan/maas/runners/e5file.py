"""Read the `E5S1` container: a sentence encoder in 4-bit blocks with its unigram vocabulary.

Layout, little-endian: magic, version, nine hyper-parameters; the vocabulary (offsets, scores, bytes); a
character normalisation map; a directory of tensors. A 4-bit block holds 32 weights: one float16 scale
and 16 bytes, low nibbles first, each nibble minus 8. The file is mapped, not read.
"""

import itertools
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import interface

Floats = NDArray[np.float32]

_MAGIC = b"E5S1"
_HEADER = struct.Struct("<I7ifi")
_VOCABULARY = struct.Struct("<5iQ")
_BLOCK_WEIGHTS = 32
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])
_FLOAT32, _Q4 = 0, 1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces with their log-probabilities, special ids, and how characters are normalised first."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    unk: int
    normal_form: dict[int, str]


@dataclass(frozen=True, slots=True)
class Shape:
    """Hyper-parameters of the encoder."""

    width: int
    layers: int
    heads: int
    positions: int
    epsilon: float


class E5File:
    """An open container. Raises BadModelFile when the bytes are not one."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as handle:
            self._bytes = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self._parse()
        except (struct.error, ValueError, UnicodeDecodeError) as wrong:
            raise interface.BadModelFile(f"{path.name} is damaged: {wrong}", fix="pull the model again") from wrong

    def tensor(self, name: str) -> Floats:
        """A float32 tensor, flat; 4-bit ones are expanded."""
        dtype, count, offset = self._directory[name]
        if dtype == _FLOAT32:
            return np.frombuffer(self._bytes, "<f4", count, offset)
        return expand(self._blocks(count, offset))

    def matrix(self, name: str, columns: int) -> Floats:
        """A tensor as rows of `columns`."""
        return self.tensor(name).reshape(-1, columns)

    def block_rows(self, name: str, columns: int) -> NDArray[np.void]:
        """A 4-bit matrix left packed, to be expanded row by row."""
        _, count, offset = self._directory[name]
        return self._blocks(count, offset).reshape(-1, columns // _BLOCK_WEIGHTS)

    def _blocks(self, count: int, offset: int) -> NDArray[np.void]:
        return np.frombuffer(self._bytes, _BLOCK, count // _BLOCK_WEIGHTS, offset)

    def _parse(self) -> None:
        if self._bytes[:4] != _MAGIC:
            raise ValueError("it does not start with E5S1")
        _, width, layers, heads, _, _, positions, _, epsilon, block = _HEADER.unpack_from(self._bytes, 4)
        if block != _BLOCK_WEIGHTS:
            raise ValueError(f"blocks of {block} weights, expected {_BLOCK_WEIGHTS}")
        self.shape = Shape(width, layers, heads, positions, epsilon)
        after_words = self._parse_vocabulary(4 + _HEADER.size)
        self._directory = self._parse_directory(after_words)

    def _parse_vocabulary(self, at: int) -> int:
        count, bos, eos, pad, unk, blob_bytes = _VOCABULARY.unpack_from(self._bytes, at)
        at += _VOCABULARY.size
        offsets = np.frombuffer(self._bytes, "<u4", count + 1, at).tolist()
        at += 4 * (count + 1)
        scores = np.frombuffer(self._bytes, "<f4", count, at).tolist()
        at += 4 * count
        blob = self._bytes[at : at + blob_bytes]
        words = [blob[a:b].decode() for a, b in itertools.pairwise(offsets)]
        for special in (bos, eos, pad, unk, count - 1):
            words[special] = f"\0{words[special]}"  # normalised text has no NUL: markup in a text stays text
        normal_form, at = self._parse_normal_form(at + blob_bytes)
        self.vocabulary = Vocabulary(list(zip(words, scores, strict=True)), bos, eos, unk, normal_form)
        return at

    def _parse_normal_form(self, at: int) -> tuple[dict[int, str], int]:
        count, size_bytes = struct.unpack_from("<iI", self._bytes, at)
        at += 8
        end, table = at + size_bytes, {}
        for _ in range(count):
            code, length = struct.unpack_from("<IB", self._bytes, at)
            table[code] = "".join(map(chr, struct.unpack_from(f"<{length}I", self._bytes, at + 5)))
            at += 5 + 4 * length
        return table, end

    def _parse_directory(self, at: int) -> dict[str, tuple[int, int, int]]:
        (count,) = struct.unpack_from("<i", self._bytes, at)
        at, directory = at + 4, {}
        for _ in range(count):
            (length,) = struct.unpack_from("<H", self._bytes, at)
            name = self._bytes[at + 2 : at + 2 + length].decode()
            at += 2 + length
            dtype, weights, offset, size_bytes = struct.unpack_from("<BIQQ", self._bytes, at)
            if dtype not in (_FLOAT32, _Q4) or offset + size_bytes > len(self._bytes):
                raise ValueError(f"tensor {name!r} lies outside the file")
            directory[name] = (dtype, weights, offset)
            at += 21
        return directory


def expand(blocks: NDArray[np.void]) -> Floats:
    """Weights of 4-bit blocks, in order, as float32; the last axis of blocks becomes 32 times longer."""
    nibbles = blocks["nibbles"]
    quants = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1).astype(np.float32) - 8.0
    weights: Floats = quants * blocks["scale"].astype(np.float32)[..., None]
    return weights.reshape(*blocks.shape[:-1], -1)
