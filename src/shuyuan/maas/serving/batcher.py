"""Inside the worker: answer the waiting requests of one model in passes that several of them share.

Zero wait when idle: a pass starts as soon as there is an item, with whatever else is there by then. The
fair line says whose item must be in it; the cost curve says who of like length goes along. What was
cancelled leaves before it costs anything. Answers of one pass go out together.
"""

import bisect
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shuyuan.kernel import errors
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import curve, fairness

Answer = tuple[int, runners.Chunk | Exception]
Send = Callable[[Sequence[Answer]], None]

_CANCELLED = runners.Chunk(finish_reason="cancelled", usage=runners.Usage(0))
_UNPACKABLE = (errors.TooLarge, TypeError, ValueError, OverflowError)  # what packing a frame raises


@dataclass(slots=True, eq=False)
class Request:
    """One request as it came through the socket."""

    id: int
    task: str
    payload: runners.Payload
    flow: fairness.Flow
    items: Sequence[runners.Item] = ()
    pieces: "list[_Piece]" = field(default_factory=list)
    results: list[object] = field(default_factory=list)
    missing: int = 0  # items not run yet


@dataclass(slots=True, eq=False)
class _Piece:
    """One item in the line."""

    request: Request
    index: int
    length: int
    rows: int
    place: "fairness.Place[_Piece] | None" = None


class Batcher:
    """A thread that runs one model; `put`, `cancel` and `close` may be called from any other.

    look: is called between passes, to `put` what has arrived meanwhile.  rest: when there is nothing to do.
    """

    def __init__(
        self,
        runner: runners.BatchRunner,
        costs: curve.Curve,
        send: Send,
        *,
        look: Callable[[], None] = lambda: None,
        rest: Callable[[], None] = lambda: None,
    ) -> None:
        self.passes = 0
        self.active = False  # running a pass, or about to
        self._runner, self._costs, self._send, self._look, self._rest = runner, costs, send, look, rest
        self._arrived: queue.SimpleQueue[Request | int | None] = queue.SimpleQueue()
        self._requests: dict[int, Request] = {}
        self._line: fairness.FairQueue[_Piece] = fairness.FairQueue()
        self._by_length: list[_Piece] = []
        self._answers: list[Answer] = []
        self._thread = threading.Thread(target=self._work, name="passes", daemon=True)
        self._thread.start()

    def put(self, request: Request) -> None:
        """Answer this as soon as its turn comes."""
        self.active = True
        self._arrived.put(request)

    def cancel(self, request_id: int) -> None:
        """Forget a request; it is answered `cancelled` unless its last pass is already running."""
        self._arrived.put(request_id)

    def close(self) -> None:
        """Stop after the running pass."""
        self._arrived.put(None)
        self._thread.join()

    def _work(self) -> None:
        while self._take_arrivals():
            self._flush()
            if self._by_length:
                self._run(self._next_pass())
                self._flush()

    def _take_arrivals(self) -> bool:
        """Everything that has come; waits only when there is nothing else to do. False: stop."""
        if self.active:
            self._look()
        while True:
            try:
                found = self._arrived.get_nowait()
            except queue.Empty:
                if self._by_length or self._answers:
                    return True
                found = self._wait()
            if found is None:
                self.active = False
                return False
            if isinstance(found, int):
                self._forget(found)
            else:
                self._accept(found)

    def _wait(self) -> Request | int | None:
        self.active = False
        if self._arrived.empty():
            self._rest()
        found = self._arrived.get()
        self.active = True
        return found

    def _accept(self, request: Request) -> None:
        try:
            request.items = self._runner.split(request.task, request.payload)
            costs_s = [self._costs.cost_s(item.length, item.rows) for item in request.items]
        except Exception as wrong:  # a bad request must not end the worker
            self._answers.append((request.id, wrong))
            return
        request.results = [None] * len(request.items)
        request.missing = len(request.items)
        self._requests[request.id] = request
        if not request.items:
            self._finish(request)
        for index, (item, cost_s) in enumerate(zip(request.items, costs_s, strict=True)):
            piece = _Piece(request, index, item.length, item.rows)
            piece.place = self._line.push(piece, request.flow, cost_s)
            request.pieces.append(piece)
            bisect.insort(self._by_length, piece, key=_length)

    def _forget(self, request_id: int, answer: runners.Chunk | Exception = _CANCELLED) -> None:
        request = self._requests.pop(request_id, None)
        if request is None:
            return
        for piece in request.pieces:
            if piece.place and piece.place.waiting:
                self._line.drop(piece.place)
                del self._by_length[self._find(piece)]
        self._answers.append((request_id, answer))

    def _next_pass(self) -> list[_Piece]:
        head = self._line.head()
        assert head is not None  # _by_length and the line hold the same pieces
        found = curve.companions(self._costs, self._by_length, self._find(head))
        pieces = self._by_length[found.start : found.stop]
        del self._by_length[found.start : found.stop]
        for piece in pieces:
            assert piece.place is not None
            self._line.take(piece.place)
        return pieces

    def _find(self, piece: _Piece) -> int:
        at = bisect.bisect_left(self._by_length, piece.length, key=_length)
        while self._by_length[at] is not piece:
            at += 1
        return at

    def _run(self, pieces: list[_Piece]) -> None:
        self.passes += 1
        try:
            results = self._runner.run([piece.request.items[piece.index] for piece in pieces])
            answered = list(zip(pieces, results, strict=True))
        except Exception as wrong:  # reported to whose request it was
            self._isolate(pieces, wrong)
            return
        for piece, result in answered:
            request = piece.request
            request.results[piece.index] = result
            request.missing -= 1
            if not request.missing:
                self._finish(request)

    def _isolate(self, pieces: list[_Piece], wrong: Exception) -> None:
        """One bad item must not spoil the answers of others: run each request's alone."""
        requests = list(dict.fromkeys(piece.request for piece in pieces))
        if len(requests) > 1:
            for request in requests:
                self._run([piece for piece in pieces if piece.request is request])
            return
        self._forget(requests[0].id, wrong)

    def _finish(self, request: Request) -> None:
        if self._requests.pop(request.id, None) is None:
            return
        try:
            answer: runners.Chunk | Exception = self._runner.join(
                request.task, request.payload, request.items, request.results
            )
        except Exception as wrong:  # as above
            answer = wrong
        self._answers.append((request.id, answer))

    def _flush(self) -> None:
        if not self._answers:
            return
        answers, self._answers = self._answers, []
        try:
            self._send(answers)
        except OSError:  # the server is gone; the process is about to end
            return
        except _UNPACKABLE:  # together they do not fit into a frame, or one of them into none
            for answer in answers:
                self._send_alone(answer)

    def _send_alone(self, answer: Answer) -> None:
        """Whose answer cannot be sent hears why; nobody else is the worse for it."""
        with contextlib.suppress(OSError):
            try:
                self._send([answer])
            except _UNPACKABLE as wrong:
                self._send([(answer[0], wrong)])


def _length(piece: _Piece) -> int:
    return piece.length
