"""Run a sentence encoder: search and matching, in the languages the model was trained for.

A text longer than the model reads is refused, cut, or read in windows whose vectors are averaged by token count
(`truncate` none, end, mean; mean where nothing is said). A window is one item of work: the worker decides which
share a pass.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import bert, encoder, interface

Floats = NDArray[np.float32]

_PREFIXES = {"query": "query: ", "passage": "passage: "}
_TRUNCATE: Mapping[str, interface.Truncate] = {"none": "none", "end": "end", "mean": "mean"}
_SAFETENSORS = ".safetensors"
_LENGTHS = (8, 16, 32, 64, 128, 256)  # tokens; where the cost of a pass is measured
_MAX_TEXTS = 256
_MAX_CHARACTERS = 100_000


class Encoder(Protocol):
    """What one file format offers."""

    width: int
    window_tokens: int  # read at once, the two end marks included
    marks: tuple[int, int]  # put before and after
    prefixes: bool  # whether it was trained with "query: " and "passage: "

    def tokens(self, texts: list[str]) -> list[list[int]]:
        """Piece ids of each text, without end marks."""
        ...

    def vectors(self, tokens: list[list[int]]) -> Floats:
        """One vector a token list, end marks included, of any length: (texts, width)."""
        ...


class EmbedRunner:
    """One sentence encoder on the CPU."""

    batches_itself: ClassVar[bool] = False
    batching = True
    slots = 1

    def __init__(self) -> None:
        self._encoder: Encoder | None = None
        self._load_s = 0.0
        self._requests = self._tokens = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read a verified `E5S1` file, or a `model.safetensors` with its `tokenizer.json` beside it."""
        started = time.perf_counter()
        if path.suffix == _SAFETENSORS:
            self._encoder = bert.BertEncoder(path, threads)
        else:
            self._encoder = encoder.E5Encoder(path, threads)
        self._window = min(context_tokens or self._encoder.window_tokens, self._encoder.window_tokens) - 2
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """One chunk with tensor `embeddings`: float32 (texts, width), unit rows in the order given."""
        yield from interface.answer_alone(self, task, payload, cancelled)

    def split(self, task: str, payload: interface.Payload) -> Sequence[interface.Item]:
        """An item a window; content: which text, and its ids with end marks."""
        if task != "embed":
            raise interface.UnsupportedTask(f"an embedding model cannot {task}", fix="ask for task 'embed'")
        texts, kind, truncate = _read(payload)
        reader = self._open()
        prefix = _PREFIXES[kind] if reader.prefixes else ""
        tokens = reader.tokens([prefix + text for text in texts] if prefix else texts)
        before, after = reader.marks
        items = []
        for row, text in enumerate(tokens):
            if len(text) > self._window:
                text = self._shortened(texts[row], text, truncate)
            for at in range(0, len(text) or 1, self._window):
                ids = [before, *text[at : at + self._window], after]
                items.append(interface.Item(len(ids), (row, ids)))
        return items

    def _shortened(self, said: str, tokens: list[int], truncate: interface.Truncate) -> list[int]:
        """What is read of a text that is too long. Raises ContextTooLong."""
        if truncate == "none":
            raise interface.ContextTooLong(
                f"the input that begins {said[:40]!r} has {len(tokens) + 2} tokens, the model reads {self._window + 2}",
                fix='shorten it, or send "truncate": "end" or "mean"',
            )
        return tokens[: self._window] if truncate == "end" else tokens

    def run(self, items: Sequence[interface.Item]) -> Sequence[object]:
        """A vector an item."""
        return list(self._open().vectors([item.content[1] for item in items]))  # type: ignore[index]  # from `split`

    def join(
        self,
        task: str,
        payload: interface.Payload,
        items: Sequence[interface.Item],
        results: Sequence[object],
    ) -> interface.Chunk:
        """Windows of one text averaged by length; unit rows."""
        rows = np.array([item.content[0] for item in items])  # type: ignore[index]  # from `split`
        vectors = np.array(results, dtype=np.float32)  # (windows, width)
        if len(rows) != rows[-1] + 1:
            weights = np.array([max(item.length - 2, 1) for item in items], dtype=np.float32)
            sums = np.zeros((int(rows[-1]) + 1, vectors.shape[1]), dtype=np.float32)
            np.add.at(sums, rows, vectors * weights[:, None])
            vectors = sums
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        count = sum(item.length for item in items)
        self._requests += 1
        self._tokens += count
        packed = {"embeddings": interface.pack_tensor(vectors)}
        return interface.Chunk(tensors=packed, finish_reason="stop", usage=interface.Usage(count))

    def sample(self, length: int) -> interface.Item:
        """Any ids: the cost does not depend on which."""
        return interface.Item(length, (0, [5] * length))

    def lengths(self) -> Sequence[int]:
        """Up to the window."""
        return [length for length in _LENGTHS if length <= self._window + 2]

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, self._tokens, 0)

    def close(self) -> None:
        """Drop the weights."""
        self._encoder = None

    def _open(self) -> Encoder:
        if self._encoder is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        return self._encoder


def _read(payload: interface.Payload) -> tuple[list[str], str, interface.Truncate]:
    texts, kind = payload.get("texts"), payload.get("kind", "passage")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise interface.BadPayload("texts must be a list of strings", fix="send texts: [\u2026]")
    if not 1 <= len(texts) <= _MAX_TEXTS:
        raise interface.BadPayload(f"{len(texts)} texts sent, 1 to {_MAX_TEXTS} allowed", fix="split the list")
    longest = max(len(text) for text in texts)
    if longest > _MAX_CHARACTERS:
        raise interface.ContextTooLong(
            f"a text has {longest} characters, at most {_MAX_CHARACTERS} are read", fix="split the text"
        )
    if kind not in _PREFIXES:
        raise interface.BadPayload(f"kind {kind!r} is unknown", fix="use 'query' or 'passage'")
    truncate = payload.get("truncate", "mean")
    if truncate not in _TRUNCATE:
        raise interface.BadPayload(f"truncate {str(truncate)[:40]!r} is unknown", fix=f"use {', '.join(_TRUNCATE)}")
    return texts, str(kind), _TRUNCATE[str(truncate)]
