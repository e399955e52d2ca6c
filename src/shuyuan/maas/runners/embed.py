"""Run a sentence encoder: search and matching across Chinese and English.

Long texts are read in windows whose vectors are averaged by token count. Texts of like length share a
batch; the work can stop between batches.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import e5file, encoder, interface, unigram

_PREFIXES = {"query": "query: ", "passage": "passage: "}  # the model was trained with them
_BATCH_TOKENS = 512  # padded tokens in one pass; larger gains nothing on two cores
_MAX_TEXTS = 256
_MAX_CHARACTERS = 100_000


class EmbedRunner:
    """One sentence encoder on the CPU."""

    batches_itself: ClassVar[bool] = False
    slots = 1

    def __init__(self) -> None:
        self._load_s = 0.0
        self._requests = self._tokens = 0

    def load(self, path: Path, *, context_tokens: int) -> None:
        """Read a verified `E5S1` file."""
        started = time.perf_counter()
        source = e5file.E5File(path)
        self._encoder: encoder.Encoder | None = encoder.Encoder(source)
        self._tokenizer = unigram.Unigram(source.vocabulary)
        self._marks = (source.vocabulary.bos, source.vocabulary.eos)
        self._window = min(context_tokens, self._encoder.window_tokens) - 2
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """One chunk with tensor `embeddings`: float32 (texts, width), unit rows in the order given."""
        if task != "embed":
            raise interface.UnsupportedTask(f"an embedding model cannot {task}", fix="ask for task 'embed'")
        texts, prefix = _read(payload)
        tokens = self._tokenizer.encode([prefix + text for text in texts])
        count = sum(len(t) + 2 for t in tokens)
        vectors = self._vectors(tokens, cancelled)
        self._requests += 1
        self._tokens += count
        usage = interface.Usage(prompt_tokens=count)
        if vectors is None:
            yield interface.Chunk(finish_reason="cancelled", usage=usage)
        else:
            packed = {"embeddings": interface.pack_tensor(vectors)}
            yield interface.Chunk(tensors=packed, finish_reason="stop", usage=usage)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, self._tokens, 0)

    def close(self) -> None:
        """Drop the weights."""
        self._encoder = None

    def _vectors(self, tokens: list[list[int]], cancelled: interface.Cancellation) -> NDArray[np.float32] | None:
        if self._encoder is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        windows = [
            (row, text[at : at + self._window])
            for row, text in enumerate(tokens)
            for at in range(0, max(len(text), 1), self._window)
        ]
        windows.sort(key=lambda window: len(window[1]))
        sums = np.zeros((len(tokens), self._encoder.width), dtype=np.float32)
        bos, eos = self._marks
        for batch in _batches(windows):
            if cancelled.is_set():
                return None
            means = self._encoder.mean_hidden([[bos, *text, eos] for _, text in batch])
            for (row, text), mean in zip(batch, means, strict=True):
                sums[row] += mean * max(len(text), 1)
        unit: NDArray[np.float32] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        return unit


def _batches(windows: list[tuple[int, list[int]]]) -> Iterator[list[tuple[int, list[int]]]]:
    """Runs of windows, shortest first, whose padded size stays within _BATCH_TOKENS."""
    batch: list[tuple[int, list[int]]] = []
    for window in windows:
        if batch and (len(batch) + 1) * (len(window[1]) + 2) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def _read(payload: interface.Payload) -> tuple[list[str], str]:
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
    return texts, _PREFIXES[str(kind)]
