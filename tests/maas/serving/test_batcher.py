"""Passes that requests share: who is in them, who left before, and that nobody spoils another's answer."""

import queue
import threading
from collections.abc import Iterator, Sequence

import pytest
from tests.maas.serving.counting import Counting

from shuyuan.kernel import errors
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving.batcher import Answer, Batcher, Request
from shuyuan.maas.serving.curve import Curve
from shuyuan.maas.serving.fairness import Flow

SHARING = Curve({(length, rows): 5.0 + length * rows for length in (1, 16, 256) for rows in (1, 2, 4, 8)})


class Desk:
    """A batcher, its runner, and what it sent."""

    def __init__(self) -> None:
        self.runner = Counting()
        self.sent: queue.SimpleQueue[Sequence[Answer]] = queue.SimpleQueue()
        self.batcher = Batcher(self.runner, SHARING, self.sent.put)

    def ask(self, number: int, *words: str, person: str = "") -> None:
        self.batcher.put(Request(number, "echo", {"words": list(words)}, Flow("", person)))

    def hold(self) -> None:
        """Let a first request occupy the runner, so that what comes next has to wait."""
        self.runner.go.clear()
        self.ask(0, "first")
        assert self.runner.started.acquire(timeout=60)

    def answers(self, count: int) -> dict[int, runners.Chunk | Exception]:
        self.runner.go.set()
        found: dict[int, runners.Chunk | Exception] = {}
        while len(found) < count:
            found.update(self.sent.get(timeout=60))
        return found


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.runner.go.set()
    made.batcher.close()


def texts(answers: dict[int, runners.Chunk | Exception]) -> dict[int, str]:
    return {number: answer.text for number, answer in answers.items() if isinstance(answer, runners.Chunk)}


def test_what_waits_together_shares_a_pass_and_a_frame(desk: Desk) -> None:
    desk.hold()
    for number in range(1, 5):
        desk.ask(number, f"w{number}")
    assert texts(desk.answers(5)) == {0: "first", 1: "w1", 2: "w2", 3: "w3", 4: "w4"}
    assert desk.runner.passes == 2


def test_an_idle_model_starts_at_once_with_a_single_item(desk: Desk) -> None:
    desk.ask(1, "alone")
    assert texts(desk.answers(1)) == {1: "alone"}
    assert desk.runner.ran == [["alone"]]


def test_a_request_of_many_items_is_answered_in_their_order(desk: Desk) -> None:
    words = [("long" * 20)[: 3 + 7 * n % 60] for n in range(30)]
    desk.ask(1, *words)
    assert texts(desk.answers(1)) == {1: " ".join(words)}
    assert 4 <= desk.runner.passes < 30


def test_what_was_cancelled_costs_nothing(desk: Desk) -> None:
    desk.hold()
    desk.ask(1, *["gone"] * 50)
    desk.ask(2, "stays")
    desk.batcher.cancel(1)
    answers = desk.answers(3)
    assert isinstance(answers[1], runners.Chunk)
    assert answers[1].finish_reason == "cancelled"
    assert desk.runner.ran == [["first"], ["stays"]]


def test_a_cancellation_that_comes_too_late_or_twice_harms_nobody(desk: Desk) -> None:
    desk.ask(1, "a")
    desk.answers(1)
    desk.batcher.cancel(1)
    desk.batcher.cancel(77)
    desk.ask(2, "b")
    assert texts(desk.answers(1)) == {2: "b"}


def test_one_bad_item_spoils_only_its_own_request(desk: Desk) -> None:
    desk.hold()
    desk.ask(1, "ok")
    desk.ask(2, "bad")
    desk.ask(3, "ok2")
    answers = desk.answers(4)
    assert texts(answers) == {0: "first", 1: "ok", 3: "ok2"}
    assert isinstance(answers[2], runners.BadPayload)


def test_what_is_refused_at_the_door_is_told_at_once(desk: Desk) -> None:
    desk.ask(1, "wrong")
    assert isinstance(desk.answers(1)[1], runners.BadPayload)
    assert desk.runner.passes == 0


def test_one_persons_many_items_do_not_hold_up_anothers_one(desk: Desk) -> None:
    desk.hold()
    desk.ask(1, *(f"{'m' * 200}" for _ in range(40)), person="many")
    desk.ask(2, "o", person="one")
    desk.answers(3)
    position = next(at for at, ran in enumerate(desk.runner.ran) if "o" in ran)
    assert position <= 2  # the one running, at most one more


def test_between_passes_it_looks_for_what_has_arrived_and_says_when_it_rests() -> None:
    sent: queue.SimpleQueue[Sequence[Answer]] = queue.SimpleQueue()
    looked, rested = threading.Event(), threading.Event()
    made = Batcher(Counting(), SHARING, sent.put, look=looked.set, rest=rested.set)
    assert rested.wait(60)
    rested.clear()
    made.put(Request(1, "echo", {"words": ["a"]}, Flow()))
    assert sent.get(timeout=60)
    assert looked.wait(60)
    assert rested.wait(60)
    made.close()
    assert not made.active


def test_a_request_that_needs_no_pass_is_answered_without_one(desk: Desk) -> None:
    desk.hold()
    desk.ask(1)
    desk.ask(2, "word")
    assert texts(desk.answers(3)) == {0: "first", 1: "", 2: "word"}
    assert desk.runner.passes == 2


def test_answers_too_large_for_one_frame_go_out_alone_and_one_too_large_for_any_is_told_so() -> None:
    sent: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def send(answers: Sequence[Answer]) -> None:
        letters = sum(len(answer.text) for _, answer in answers if isinstance(answer, runners.Chunk))
        if letters > 10:
            raise errors.TooLarge(f"{letters} letters", fix="ask for less")
        for answer in answers:
            sent.put(answer)

    runner = Counting()
    runner.go.clear()
    batcher = Batcher(runner, SHARING, send)
    words = ["first", "eight888", "eightttt", "more than ten letters"]
    for number, word in enumerate(words):
        batcher.put(Request(number, "echo", {"words": [word]}, Flow()))
    runner.go.set()
    found = dict(sent.get(timeout=60) for _ in words)
    assert texts(found) == {0: "first", 1: "eight888", 2: "eightttt"}
    assert isinstance(found[3], errors.TooLarge)
    batcher.put(Request(9, "echo", {"words": ["after"]}, Flow()))
    assert texts(dict([sent.get(timeout=60)])) == {9: "after"}
    batcher.close()


def test_a_runner_that_returns_too_few_results_is_reported_and_the_next_request_is_answered(desk: Desk) -> None:
    whole = desk.runner.run
    desk.runner.run = lambda items: whole(items)[:-1]  # type: ignore[method-assign]
    desk.ask(1, "lost")
    assert isinstance(desk.answers(1)[1], ValueError)
    desk.runner.run = whole  # type: ignore[method-assign]
    desk.ask(2, "after")
    assert texts(desk.answers(1)) == {2: "after"}
