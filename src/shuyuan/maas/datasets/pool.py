"""Who does the partitions: named functions on JSON, so that a plan runs here, in child processes, or on a cluster.

`map` takes the dotted name of a function and one JSON object a partition, and gives one JSON object back for each, in
order. Nothing else travels: no closures, no pickles; tables lie in files whose paths are in the objects.
"""

import contextlib
import importlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from shuyuan.kernel import errors

Told = Mapping[str, Any]  # Any: JSON
Done = Callable[[], None]
_PREFIX = "shuyuan.maas.datasets."  # functions of elsewhere are not called


class Pool(Protocol):
    """Anything that calls a named function on every partition."""

    def map(self, function: str, partitions: Sequence[Told], done: Done = lambda: None) -> list[dict[str, Any]]:
        """The answers in the order of `partitions`; `done` is called after each. Raises what a function raised."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class InlinePool:
    """In this process, one after the other: for small tables, where starting a process costs more than the work."""

    def map(self, function: str, partitions: Sequence[Told], done: Done = lambda: None) -> list[dict[str, Any]]:
        """See Pool.map."""
        call, found = resolve(function), list[dict[str, Any]]()
        for one in partitions:
            found.append(call(one))
            done()
        return found

    def close(self) -> None:
        """Nothing was started."""


NATIVE = frozenset({f"{_PREFIX}partitions:dress", f"{_PREFIX}partitions:apply"})


class LocalPool:
    """Threads of this process for functions that leave the interpreter's lock, children of it for all others.

    Children are started with the first work that needs them and end with this process, however it ends.
    native: the functions that threads do (they are polars from end to end: a process more would only cost its start).
    """

    def __init__(self, processes: int, native: frozenset[str] = NATIVE) -> None:
        self._processes, self._native = max(processes, 1), native
        self._children: list[subprocess.Popen[bytes]] = []

    def map(self, function: str, partitions: Sequence[Told], done: Done = lambda: None) -> list[dict[str, Any]]:
        """See Pool.map."""
        if function in self._native:
            return self._in_threads(function, partitions, done)
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for at in range(len(partitions)):
            waiting.put(at)
        found: list[dict[str, Any]] = [{} for _ in partitions]
        faults: list[Exception] = []

        def serve(child: "subprocess.Popen[bytes]") -> None:
            while not faults:
                try:
                    at = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    found[at] = _asked(child, function, partitions[at])
                    done()
                except Exception as fault:
                    faults.append(fault)

        threads = [threading.Thread(target=serve, args=(child,)) for child in self._alive(len(partitions))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise faults[0]
        return found

    def _in_threads(self, function: str, partitions: Sequence[Told], done: Done) -> list[dict[str, Any]]:
        call = resolve(function)

        def one(told: Told) -> dict[str, Any]:
            found = call(told)
            done()
            return found

        with ThreadPoolExecutor(self._processes) as threads:
            return list(threads.map(one, partitions))

    def close(self) -> None:
        """End the children."""
        for child in self._children:
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # it is gone already
                child.stdin.close()
            child.stdout.close()
            child.wait()
        self._children = []

    def _alive(self, most: int) -> "list[subprocess.Popen[bytes]]":
        while len(self._children) < min(self._processes, most):
            child = subprocess.Popen(
                [sys.executable, "-m", "shuyuan.maas.datasets.pool"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "POLARS_MAX_THREADS": "1"},
            )
            self._children.append(child)
        return self._children[:most]


def resolve(function: str) -> "Callable[[Told], dict[str, Any]]":
    """The function "module:name" of this room. Raises ValueError for any other."""
    module, _, name = function.partition(":")
    if not module.startswith(_PREFIX):
        raise ValueError(f"{function} is not of {_PREFIX}")
    call: Callable[[Told], dict[str, Any]] = getattr(importlib.import_module(module), name)
    return call


def _asked(child: "subprocess.Popen[bytes]", function: str, told: Told) -> dict[str, Any]:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps({"function": function, "told": told}).encode() + b"\n")
        child.stdin.flush()
        line = child.stdout.readline()
    except BrokenPipeError:
        line = b""
    if not line:
        raise errors.Unavailable("a process of the pool died", fix="give the machine more memory, or smaller data")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise raised(answer["error"])
    found: dict[str, Any] = answer["found"]
    return found


def raised(said: Mapping[str, Any]) -> errors.ShuyuanError:
    """The error that `code`, `message` and `fix` tell of, as the kind that stands for its code."""
    from shuyuan.maas.datasets import interface

    kinds = {
        one.code: one
        for one in vars(interface).values()
        if isinstance(one, type) and issubclass(one, errors.ShuyuanError)
    }
    kind = kinds.get(said["code"], interface.BadData)
    return kind(said["message"], fix=said.get("fix", ""), code=said["code"])


def main() -> None:
    """A child of LocalPool: one request a line in, one answer a line out."""
    from shuyuan.maas.datasets import faults

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not meet the answers
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        try:
            answer: dict[str, Any] = {"found": resolve(asked["function"])(asked["told"])}
        except Exception as fault:
            known = faults.told(fault)
            if known is None:
                raise
            answer = {"error": known}
        out.write(json.dumps(answer).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
