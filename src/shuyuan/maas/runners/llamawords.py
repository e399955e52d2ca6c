"""Text to token ids and back, by the model's own tokenizer.

Only llama.cpp's listener offers it. Its socket file is deleted once the server is up; this holds the
socket by an open descriptor that no path leads to, so that nobody else can connect. Linux alone can do that.
"""

import http.client
import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from shuyuan.maas.runners import interface

_MAX_CHARACTERS = 1_000_000
_MAX_TOKENS = 200_000
_TIMEOUT_S = 60.0
_OK = 200
_FOREIGN = re.compile(r"__n \(which is (\d+)\) >= this->size\(\) \(which is (\d+)\)")  # how its vocabulary says no


class Words:
    """The tokenizer of one running server. Made while the socket file is still there."""

    def __init__(self, path: Path) -> None:
        self._door = os.open(path, os.O_PATH) if hasattr(os, "O_PATH") else None

    def answer(self, task: str, payload: interface.Payload) -> interface.Chunk:
        """The one chunk of task `tokenize` {text} or `detokenize` {tokens}. Raises BadPayload."""
        if task == "tokenize":
            tokens = self._tokens(payload)
            return _done({"tokens": tokens}, len(tokens))
        tokens = _read_tokens(payload)
        said = self._ask("/detokenize", {"tokens": tokens})
        return _done({}, len(tokens), str(said["content"]))

    def close(self) -> None:
        """Let go of the socket; safe to call twice."""
        if self._door is not None:
            os.close(self._door)
        self._door = None

    def _tokens(self, payload: interface.Payload) -> list[int]:
        text = payload.get("text")
        if not isinstance(text, str):
            raise interface.BadPayload("text must be a text", fix="send text")
        if len(text) > _MAX_CHARACTERS:
            raise interface.ContextTooLong(f"{len(text)} characters", fix=f"send at most {_MAX_CHARACTERS}")
        special = {"parse_special": bool(payload.get("parse_special", True))}
        found = self._ask("/tokenize", {"content": text, "add_special": bool(payload.get("add_special")), **special})
        return [int(token) for token in found["tokens"]]  # type: ignore[attr-defined]  # a list, as the server says

    def _ask(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        if self._door is None:
            raise interface.UnsupportedTask("counting tokens needs Linux and an open model", fix="count on the server")
        connection = _Connection(f"/proc/self/fd/{self._door}")
        try:
            data = json.dumps(body).encode()  # ASCII: half a surrogate pair survives as an escape
            connection.request("POST", path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said: Mapping[str, object] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != _OK:
            error = said.get("error")
            message = str(error.get("message") if isinstance(error, dict) else said)
            if foreign := _FOREIGN.search(message):
                raise interface.BadPayload(
                    f"token {foreign[1]} is none of this model's: it knows 0 to {int(foreign[2]) - 1}",
                    fix="send tokens of this model, as /v1/tokenize gives them",
                )
            raise interface.BadPayload(f"the tokenizer refused: {message[:200]}", fix="send valid text or tokens")
        return said


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(self._path)


def _read_tokens(payload: interface.Payload) -> list[int]:
    tokens = payload.get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(t, int) and 0 <= t < 2**31 for t in tokens):
        raise interface.BadPayload("tokens must be a list of token ids", fix="send tokens")
    if len(tokens) > _MAX_TOKENS:
        raise interface.ContextTooLong(f"{len(tokens)} tokens", fix=f"send at most {_MAX_TOKENS}")
    return tokens


def _done(data: Mapping[str, object], tokens: int, text: str = "") -> interface.Chunk:
    return interface.Chunk(text=text, data=data, finish_reason="stop", usage=interface.Usage(prompt_tokens=tokens))
