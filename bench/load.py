"""A closed loop of HTTP users in a process of its own: each sends, waits for the whole answer, sends the next.

Run as `python -m bench.load` with a plan on standard input and the outcome on standard output, so that it can be
pinned to another core than the server under test. Only loopback addresses are ever called.
"""

import asyncio
import base64
import ipaddress
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

_CLOSE = b"connection: close"
_MAX_S = 600.0


@dataclass(frozen=True)
class Plan:
    """What to send: bodies go round and round in order until `requests` are answered or `seconds` are over.

    rate: arrivals a second, whatever the answers do (an open loop, `concurrency` connections at most); None: a closed
    loop.  core: pin the load to this core; None leaves it free.  keep: return the first so many answers, by body.
    """

    url: str
    bodies: Sequence[str]
    concurrency: int
    requests: int
    seconds: float = 60.0
    headers: Mapping[str, str] = field(default_factory=dict)
    core: int | None = None
    keep: int = 0
    rate: float | None = None


@dataclass
class Outcome:
    """Times in seconds. `answers`: body index → the answer, for as many as were to be kept."""

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    first_byte_s: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    refused_s: list[float] = field(default_factory=list)
    retry_after: int = 0
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def per_s(self) -> float:
        """Good answers a second."""
        return self.statuses.get("200", 0) / self.seconds if self.seconds else 0.0


def run(plan: Plan) -> Outcome:
    """Send the load from a child process. Raises ValueError unless the address is loopback."""
    host = urlsplit(plan.url).hostname or ""
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"load goes to this machine only, not to {host!r}")
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=json.dumps(asdict(plan)), capture_output=True, text=True, check=True
    )
    return Outcome(**json.loads(done.stdout))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed; 0 without values.

    >>> percentile([3.0, 1.0, 2.0, 4.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)] if ordered else 0.0


async def _drive(plan: Plan) -> Outcome:
    outcome, turns = Outcome(), itertools.count()
    raw = [_request(plan, body) for body in plan.bodies]
    began = time.perf_counter()
    until = began + min(plan.seconds, _MAX_S)
    users = [_user(plan, raw, turns, until, outcome) for _ in range(plan.concurrency)]
    await asyncio.gather(*users)
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _user(plan: Plan, raw: list[bytes], turns: Iterator[int], until: float, outcome: Outcome) -> None:
    address = urlsplit(plan.url)
    streams = None
    began = time.perf_counter()
    for turn in turns:
        if turn >= plan.requests or time.perf_counter() > until:
            break
        sent = time.perf_counter()
        if plan.rate:
            sent = began + turn / plan.rate
            if sent > until:
                break
            await asyncio.sleep(max(0.0, sent - time.perf_counter()))
        if streams is None:
            streams = await asyncio.open_connection(address.hostname, address.port, limit=1 << 24)
        reader, writer = streams
        writer.write(raw[turn % len(raw)])
        status, head, body, first = await _answer(reader)
        _note(plan, outcome, turn % len(raw), status, head, body, (sent, first, time.perf_counter()))
        if _CLOSE in head:
            writer.close()
            streams = None
    if streams is not None:
        streams[1].close()


def _note(
    plan: Plan, outcome: Outcome, index: int, status: str, head: bytes, body: bytes, at: tuple[float, float, float]
) -> None:
    sent, first, ended = at
    outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
    if status == "200":
        outcome.latencies_s.append(ended - sent)
        outcome.first_byte_s.append(first - sent)
    else:
        outcome.refused_s.append(ended - sent)
        outcome.retry_after += b"retry-after:" in head
    if len(outcome.answers) < plan.keep and str(index) not in outcome.answers:
        outcome.answers[str(index)] = base64.b64encode(body).decode()


def _request(plan: Plan, body: str) -> bytes:
    address, data = urlsplit(plan.url), body.encode()
    lines = {"host": address.netloc, "content-type": "application/json", "content-length": len(data), **plan.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {address.path} HTTP/1.1\r\n{head}\r\n".encode() + data


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bytes, bytes, float]:
    """Status, lower-case head, body, and when the first byte of the body came."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head.split(b" ", 2)[1].decode()
    if b"transfer-encoding: chunked" not in head:
        size = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(size)
        return status, head, body, time.perf_counter()
    parts, first = [], 0.0
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        parts.append(await reader.readexactly(size))
        first = first or time.perf_counter()
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return status, head, b"".join(parts), first or time.perf_counter()


def main() -> None:
    """Read a plan, send it, print the outcome."""
    plan = Plan(**json.load(sys.stdin))
    if plan.core is not None:
        os.sched_setaffinity(0, {plan.core})
    json.dump(asdict(asyncio.run(_drive(plan))), sys.stdout)


if __name__ == "__main__":
    main()
