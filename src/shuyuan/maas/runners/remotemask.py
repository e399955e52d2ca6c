"""Personal data of one request: hidden on the way out, shown on the way back, pieces and tool calls included."""

from collections.abc import Callable, Iterator, Mapping

from shuyuan.maas.runners import interface
from shuyuan.science.text import masking

_TEXTS = ("messages", "prompt", "texts")
_WORDS_OF_THE_API = frozenset({"role", "type", "id", "tool_call_id"})
_MAX_NAMES = 2_000


def hide(payload: interface.Payload) -> tuple[interface.Payload, "Answer | None"]:
    """The payload for the upstream, and who shows its answer; None when nothing is to be masked."""
    if not payload.get("mask"):
        return payload, None
    names = payload.get("mask_names") or []
    if not isinstance(names, list) or len(names) > _MAX_NAMES or not all(isinstance(name, str) for name in names):
        raise interface.BadPayload(f"mask_names must be a list of at most {_MAX_NAMES} names", fix="send names")
    mask = masking.Mask(names)
    hidden = {name: _each_text(value, mask.hide) if name in _TEXTS else value for name, value in payload.items()}
    return hidden, Answer(mask)


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


def _each_text(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    if isinstance(value, Mapping):
        return {k: v if k in _WORDS_OF_THE_API else _each_text(v, change) for k, v in value.items()}
    return value
