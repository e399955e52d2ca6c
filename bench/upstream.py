"""A fixed OpenAI-compatible upstream that costs almost nothing: what a gateway adds to it is the gateway's own.

`python -m bench.upstream` prints its address and answers until its standard input closes. `max_tokens` chooses the
number of pieces; each is one word. The first comes after `--latency-ms`, the others at once, each in its own write.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MODEL, WORDS = "fixed", ("calm ", "ink ", "on ", "paper ")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"


def text(pieces: int) -> str:
    """What it says in so many pieces."""
    return "".join(WORDS[n % len(WORDS)] for n in range(pieces))


@contextmanager
def running(core: int | None, latency_ms: float) -> Iterator[str]:
    """The address of a fresh one, in a process of its own, on this core."""
    words = [sys.executable, "-m", "bench.upstream", "--latency-ms", str(latency_ms)]
    words += ["--core", str(core)] if core is not None else []
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin
    assert child.stdout
    try:
        yield child.stdout.readline().strip()
    finally:
        child.stdin.close()
        child.wait(15)


async def _serve(latency_s: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if b"content-length:" not in head:  # somebody looks whether we live
                    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                    continue
                size = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                asked = json.loads(await reader.readexactly(size))
                await asyncio.sleep(latency_s)
                pieces = int(asked.get("max_completion_tokens") or asked.get("max_tokens") or 8)
                await (_stream if asked.get("stream") else _whole)(writer, asked, pieces)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _whole(writer: asyncio.StreamWriter, asked: dict[str, object], pieces: int) -> None:
    message = {"role": "assistant", "content": text(pieces)}
    told = _about("chat.completion") | {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(pieces),
    }
    body = json.dumps(told).encode()
    writer.write(_HEAD % (b"application/json", b"content-length: %d" % len(body)) + body)
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, asked: dict[str, object], pieces: int) -> None:
    writer.write(_HEAD % (b"text/event-stream", b"transfer-encoding: chunked"))
    for n in range(pieces):
        delta = {"content": WORDS[n % len(WORDS)]} | ({"role": "assistant"} if n == 0 else {})
        _event(writer, _choice(delta, None))
        await writer.drain()
        await asyncio.sleep(0)
    _event(writer, _choice({}, "stop"))
    _event(writer, _about("chat.completion.chunk") | {"choices": [], "usage": _usage(pieces)})
    _frame(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _choice(delta: dict[str, str], finish: str | None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _about("chat.completion.chunk") | {"choices": [choice]}


def _about(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-fixed", "object": kind, "created": 1, "model": MODEL}


def _usage(pieces: int) -> dict[str, int]:
    return {"prompt_tokens": 8, "completion_tokens": pieces, "total_tokens": 8 + pieces}


def _event(writer: asyncio.StreamWriter, told: dict[str, object]) -> None:
    _frame(writer, b"data: " + json.dumps(told).encode() + b"\n\n")


def _frame(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def main() -> None:
    """Answer until nobody holds the other end of standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--core", type=int)
    told = parser.parse_args()
    if told.core is not None:
        os.sched_setaffinity(0, {told.core})
    try:
        asyncio.run(_serve(told.latency_ms / 1000))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
