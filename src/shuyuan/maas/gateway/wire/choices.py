"""The answer of `/v1/chat/completions`: whole, or event by event."""

import json
from collections.abc import Mapping
from typing import Any

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.wire import base
from shuyuan.maas.gateway.wire.chat import ChatBody


class _Choice:
    """One answer as it grows."""

    def __init__(self) -> None:
        self.text, self.finish = "", "stop"
        self.logprobs: list[Mapping[str, object]] = []
        self.calls: dict[int, dict[str, Any]] = {}  # Any: JSON

    def add(self, delta: interface.Delta) -> None:
        self.text += delta.text
        self.finish = delta.finish_reason or self.finish
        self.logprobs.extend(delta.logprobs)
        for piece in delta.tool_calls:
            self._add_call(piece)

    def _add_call(self, piece: Mapping[str, Any]) -> None:
        known = self.calls.setdefault(
            int(piece.get("index", 0)), {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        known["id"] = piece.get("id") or known["id"]
        function = piece.get("function") or {}
        known["function"]["name"] += function.get("name") or ""
        known["function"]["arguments"] += function.get("arguments") or ""

    def told(self, index: int, with_logprobs: bool) -> dict[str, Any]:
        calls = [call for _, call in sorted(self.calls.items())]
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.text or (None if calls else ""),
            "refusal": None,
        }
        if calls:
            message["tool_calls"] = calls
        logprobs = {"content": self.logprobs, "refusal": None} if with_logprobs else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": self.finish}


class ChatChoices:
    """The answer in OpenAI's shape: `whole` once every delta was added, or an `event` per delta."""

    def __init__(self, receipt: interface.Receipt, body: ChatBody) -> None:
        self._id, self._model = f"chatcmpl-{receipt.request_id}", receipt.model
        self._choices = [_Choice() for _ in range(body.n or 1)]
        self._with_logprobs = bool(body.logprobs)
        self._with_usage = bool(body.stream_options and body.stream_options.include_usage)
        self._usage = interface.Usage(0)
        self._before, self._after = self._around()

    def add(self, delta: interface.Delta) -> None:
        """One more piece of a whole answer."""
        self._usage = delta.usage or self._usage
        self._choices[delta.index].add(delta)

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        choices = [choice.told(index, self._with_logprobs) for index, choice in enumerate(self._choices)]
        head = base.head(self._id, "chat.completion", self._model)
        return head | {"choices": choices, "usage": base.usage(self._usage)}

    def opening(self) -> bytes:
        """The events before any text: who speaks."""
        return b"".join(
            self._event(index, {"role": "assistant", "content": ""}, None, None) for index in range(len(self._choices))
        )

    def event(self, delta: interface.Delta) -> bytes:
        """One piece of a stream; empty when there is nothing to tell."""
        if delta.text and not (delta.index or delta.finish_reason or delta.tool_calls or delta.logprobs):
            return self._before + json.dumps(delta.text, ensure_ascii=False).encode() + self._after
        self._usage = delta.usage or self._usage
        told: dict[str, Any] = {"content": delta.text} if delta.text else {}
        if delta.tool_calls:
            told["tool_calls"] = list(delta.tool_calls)
        logprobs = (
            {"content": list(delta.logprobs), "refusal": None} if delta.logprobs and self._with_logprobs else None
        )
        if not (told or logprobs or delta.finish_reason):
            return b""
        return self._event(delta.index, told, logprobs, delta.finish_reason)

    def closing(self) -> bytes:
        """Usage, where it was asked for, and the end."""
        if not self._with_usage:
            return base.DONE
        head = base.head(self._id, "chat.completion.chunk", self._model)
        return base.event(head | {"choices": [], "usage": base.usage(self._usage)}) + base.DONE

    def _around(self) -> tuple[bytes, bytes]:
        """What stands before and after the text of an ordinary piece: written once, for there are many."""
        mark = "\ue000"
        before, _, after = self._event(0, {"content": mark}, None, None).partition(
            json.dumps(mark, ensure_ascii=False).encode()
        )
        return before, after

    def _event(self, index: int, delta: dict[str, Any], logprobs: object, finish: str | None) -> bytes:
        body = base.head(self._id, "chat.completion.chunk", self._model)
        body["choices"] = [{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]
        if self._with_usage:
            body["usage"] = None
        return base.event(body)
