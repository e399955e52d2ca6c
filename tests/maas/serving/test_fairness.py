"""The fair line: nobody is lost, exams go first, classes and people share as they should."""

import random
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from shuyuan.maas.serving.fairness import FairQueue, Flow

FLOWS = st.builds(
    Flow,
    group=st.sampled_from("abc"),
    person=st.sampled_from("xyz"),
    exam=st.booleans(),
    weight=st.sampled_from([1.0, 4.0]),
)
COSTS = st.sampled_from([0.5, 1.0, 3.0])
MOVES = st.lists(st.tuples(st.sampled_from(["push", "push", "pop", "drop", "take"]), FLOWS, COSTS), max_size=80)


@given(MOVES)
def test_nothing_is_lost_or_served_twice_and_a_person_is_served_in_order(moves: list[tuple[str, Flow, float]]) -> None:
    queue: FairQueue[int] = FairQueue()
    waiting: dict[int, Flow] = {}
    places = {}
    for number, (move, flow, cost) in enumerate(moves):
        if move == "push":
            waiting[number] = flow
            places[number] = queue.push(number, flow, cost)
        elif waiting and move == "pop":
            found = queue.pop()
            flow = waiting.pop(found)
            assert flow.exam or not any(other.exam for other in waiting.values())
            same = [n for n, other in waiting.items() if other[:3] == flow[:3]]
            assert all(found < n for n in same)
        elif waiting:
            oldest = next(iter(waiting))
            del waiting[oldest]
            (queue.drop if move == "drop" else queue.take)(places[oldest])
        assert len(queue) == len(waiting)
        assert sorted(queue.waiting()) == list(waiting)
    assert sorted(queue.pop() for _ in range(len(queue))) == list(waiting)
    assert queue.head() is None


@given(st.integers(0, 10**6))
def test_thirty_students_at_once_each_get_a_turn_before_a_second_one(seed: int) -> None:
    arrivals = random.Random(seed).sample(range(60), 60)
    queue: FairQueue[int] = FairQueue()
    for number in arrivals:
        queue.push(number % 30, Flow("class", str(number % 30)))
    first = [queue.pop() for _ in range(30)]
    assert sorted(first) == list(range(30))


@given(st.integers(1, 199))
def test_two_hundred_requests_of_one_person_delay_another_by_one(served: int) -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(200):
        queue.push("many", Flow("class", "many"))
    for _ in range(served):
        queue.pop()
    queue.push("one", Flow("class", "one"))
    assert "one" in [queue.pop() for _ in range(min(2, len(queue)))]


@given(st.integers(0, 10**6), st.sampled_from([1.0, 2.0, 4.0]))
def test_busy_classes_get_work_in_proportion_to_their_weights(seed: int, weight: float) -> None:
    dice = random.Random(seed)
    work = [(dice.choice("ab"), dice.choice([0.5, 1.0, 3.0])) for _ in range(100)]
    queue: FairQueue[tuple[str, float]] = FairQueue()
    left: dict[str, float] = defaultdict(float)
    for number, (group, cost) in enumerate(work):
        queue.push((group, cost), Flow(group, str(number), weight=weight if group == "a" else 1.0), cost)
        left[group] += 1
    done: dict[str, float] = defaultdict(float)
    while left["a"] and left["b"]:  # the bound of start-time fair queuing, while both have work
        assert abs(done["a"] / weight - done["b"]) <= 3 / weight + 3 + 1e-9
        group, cost = queue.pop()
        done[group] += cost
        left[group] -= 1


def test_who_was_served_out_of_turn_has_had_their_turn() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push("a1", Flow("", "a"))
    queue.push("b1", Flow("", "b"))
    queue.push("a2", Flow("", "a"))
    later = queue.push("b2", Flow("", "b"))
    queue.take(later)
    assert [queue.pop() for _ in range(3)] == ["a1", "b1", "a2"]


def test_a_large_request_costs_its_sender_the_following_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push("a1", Flow("", "a"), cost=3)
    queue.push("a2", Flow("", "a"))
    for number in range(4):
        queue.push(f"b{number}", Flow("", "b"))
    assert [queue.pop() for _ in range(6)] == ["a1", "b0", "b1", "b2", "a2", "b3"]


def test_ten_thousand_strangers_do_not_stay_in_memory() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.push(-1, Flow("zzz", "held"), cost=1e9)
    queue.pop()
    held = queue.push(-1, Flow("zzz", "held"))
    for number in range(10_000):
        queue.push(number, Flow("class", str(number)))
        queue.pop()
    queue.drop(held)
    assert sum(len(group.children) for group in queue._others.children.values()) < 600
