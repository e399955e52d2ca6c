"""A real server on loopback that answers like OpenAI's API, or badly, as the test says."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable

Say = Callable[[asyncio.StreamWriter, dict[str, object]], Awaitable[None]]


class FakeUpstream:
    """`say` writes the whole HTTP answer; `asked` keeps the bodies, `heads` the request heads."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.asked: list[dict[str, object]] = []
        self.heads: list[str] = []
        self.left = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._on_connection, "127.0.0.1", 0)

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length" in line)
            self.asked.append(json.loads(await reader.readexactly(length)))
            self.heads.append(head)
            await self.say(writer, self.asked[-1])
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self.left.set()
        finally:
            writer.close()


def status(code: int, body: str = "{}", *headers: str) -> Say:
    async def say(writer: asyncio.StreamWriter, _: dict[str, object]) -> None:
        length = f"content-length: {len(body.encode())}"
        head = "\r\n".join([f"HTTP/1.1 {code} X", length, "connection: close", *headers])  # as it then does
        writer.write(f"{head}\r\n\r\n{body}".encode())

    return say


def stream(*deltas: str, done: bool = True, usage: bool = True, pause_s: float = 0, raw: bytes = b"") -> Say:
    """A chat stream; `raw` is written after the deltas, `pause_s` waited between them."""

    async def say(writer: asyncio.StreamWriter, body: dict[str, object]) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for delta in deltas:
            choice = {"index": 0, "delta": {"content": delta}} if "messages" in body else {"index": 0, "text": delta}
            _event(writer, {"choices": [choice | {"finish_reason": None}]})
            await writer.drain()
            await asyncio.sleep(pause_s)
        writer.write(raw)
        if done:
            _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            if usage:
                counted = {"prompt_tokens": 7, "completion_tokens": len(deltas)}
                _event(writer, {"choices": [], "usage": counted})
            writer.write(b"data: [DONE]\n\n")

    return say


async def hang(writer: asyncio.StreamWriter, _: dict[str, object]) -> None:
    await asyncio.sleep(60)


async def embeddings(writer: asyncio.StreamWriter, body: dict[str, object]) -> None:
    texts = body["input"]
    assert isinstance(texts, list)
    rows = [{"index": n, "embedding": [float(n), 1.0]} for n in range(len(texts))]
    said = json.dumps({"data": rows[::-1], "usage": {"prompt_tokens": 5}})
    await status(200, said)(writer, body)


def _event(writer: asyncio.StreamWriter, event: dict[str, object]) -> None:
    writer.write(f"data: {json.dumps(event)}\n\n".encode())
