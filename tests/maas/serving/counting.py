"""A runner that counts its passes and can be held still: for what a batcher does, not how fast."""

import threading
from collections.abc import Sequence

from shuyuan.maas.runners import interface as runners


class Counting:
    """Items are words; a word answers with itself. "bad" spoils its pass; "wrong" is refused at once."""

    batching = True

    def __init__(self) -> None:
        self.passes = 0
        self.ran: list[list[str]] = []
        self.started = threading.Semaphore(0)
        self.go = threading.Event()
        self.go.set()

    def split(self, task: str, payload: runners.Payload) -> Sequence[runners.Item]:
        words = payload["words"]
        assert isinstance(words, list)
        if not words:
            return []
        if "wrong" in words:
            raise runners.BadPayload("wrong", fix="send others")
        return [runners.Item(len(word), word) for word in words]

    def run(self, items: Sequence[runners.Item]) -> Sequence[object]:
        self.passes += 1
        self.started.release()
        assert self.go.wait(60)
        self.ran.append([str(item.content) for item in items])
        if any(item.content == "bad" for item in items):
            raise runners.BadPayload("bad", fix="send others")
        return [item.content for item in items]

    def join(
        self, task: str, payload: runners.Payload, items: Sequence[runners.Item], results: Sequence[object]
    ) -> runners.Chunk:
        return runners.Chunk(" ".join(map(str, results)), finish_reason="stop", usage=runners.Usage(len(items)))

    def sample(self, length: int) -> runners.Item:
        return runners.Item(length, "x" * length)

    def lengths(self) -> Sequence[int]:
        return [1, 16, 256]
