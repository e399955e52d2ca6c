"""Personal data of one request: hidden on the way out, shown on the way back, pieces and tool calls included.

Addresses and numbers always; names only those of `mask_names`, which whoever asks may add.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from shuyuan.maas.runners import interface
from shuyuan.science.text import masking

_TEXTS = ("messages", "prompt", "texts")
_WORDS_OF_THE_API = frozenset({"role", "type", "id", "tool_call_id"})
_MAX_NAMES = 2_000
_HIDDEN_HERE_CHARS = 64 << 10  # more is read in a thread
_PART_CHARS = 16 << 10  # other threads get a turn after each


async def hide(payload: interface.Payload, *, trusted: bool) -> tuple[interface.Payload, "Answer | None"]:
    """The payload for the upstream, and who shows its answer; None when nothing was masked.

    trusted: only what asks for it by `mask` is masked.  Raises BadPayload.
    """
    if trusted and not payload.get("mask"):
        return payload, None
    if _chars([payload.get(name) for name in _TEXTS]) > _HIDDEN_HERE_CHARS:
        return await asyncio.to_thread(_hide, payload)
    return _hide(payload)


def _hide(payload: interface.Payload) -> tuple[interface.Payload, "Answer | None"]:
    names = payload.get("mask_names") or []
    if not isinstance(names, list) or len(names) > _MAX_NAMES or not all(isinstance(name, str) for name in names):
        raise interface.BadPayload(f"mask_names must be a list of at most {_MAX_NAMES} names", fix="send names")
    mask = masking.Mask(names)
    found = False

    def change(text: str) -> str:
        nonlocal found
        hidden = "".join(map(mask.hide, _parts(text)))
        found = found or hidden != text
        return hidden

    hidden = {name: _each_text(value, change) if name in _TEXTS else value for name, value in payload.items()}
    return hidden, Answer(mask) if found else None


class Answer:
    """Shows one answer. Tool calls are held until the end: their arguments may be cut inside a mark."""

    def __init__(self, mask: masking.Mask) -> None:
        self._mask, self._shower = mask, masking.Shower(mask)
        self._calls: dict[int, dict[str, object]] = {}

    def show(self, chunk: interface.Chunk) -> Iterator[interface.Chunk]:
        """The chunk as the asker may read it; nothing while a mark is incomplete."""
        text, data = self._shower.feed(chunk.text), dict(chunk.data)
        self._hold(data.pop("tool_calls", None))
        if chunk.finish_reason:
            text += self._shower.end()
            if self._calls:
                data["tool_calls"] = [_each_text(call, self._mask.show) for call in self._calls.values()]
        if text or data or chunk.tensors or chunk.finish_reason:
            yield interface.Chunk(text, chunk.tensors, chunk.finish_reason, chunk.usage, data)

    def _hold(self, deltas: object) -> None:
        for delta in deltas if isinstance(deltas, list) else ():
            index = int(delta.get("index", 0))
            known = self._calls.setdefault(index, {"index": index, "function": {}})
            known |= {name: value for name, value in delta.items() if name not in ("index", "function")}
            function: dict[str, str] = known["function"]  # type: ignore[assignment]  # made above
            for name, value in (delta.get("function") or {}).items():
                function[name] = function.get(name, "") + str(value)


def _parts(text: str) -> Iterator[str]:
    """The text in pieces of whole lines: nothing that is hidden reaches over the end of a line."""
    begin = 0
    while len(text) - begin > _PART_CHARS and (end := text.find("\n", begin + _PART_CHARS) + 1):
        yield text[begin:end]
        begin = end
    yield text[begin:]


def _chars(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        value = list(value.values())
    return sum(map(_chars, value)) if isinstance(value, list) else 0


def _each_text(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    if isinstance(value, Mapping):
        return {k: v if k in _WORDS_OF_THE_API else _each_text(v, change) for k, v in value.items()}
    return value
