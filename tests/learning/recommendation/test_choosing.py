"""Next activity by expected gain: what is learnt from sittings, who stands behind it, what the reason says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.learning.assessment.world import A, B, World

from shuyuan.learning.people.interface import Profile, Stated
from shuyuan.learning.recommendation import choosing, due, gains, rules, store
from shuyuan.learning.recommendation.coursegains import CourseGains
from shuyuan.learning.recommendation.pooling import Pooling
from shuyuan.learning.recommendation.service import RecommendationService
from shuyuan.learning.records.interface import Response
from shuyuan.science.ranking import Bandit

START = datetime(2026, 3, 2, tzinfo=UTC)


class Agreed:
    """Profiles: who agreed to what; all of them state the same, at first nothing."""

    def __init__(self, **purposes: set[str]) -> None:
        self.purposes = purposes
        self.stated = Stated()

    def of(self, principal: Any, learner_id: str) -> Profile:
        mine: Any = frozenset(one for one, who in self.purposes.items() if learner_id in who)
        return Profile(learner_id, self.stated, mine, None, True)

    def agreed(self, school_id: str, purpose: str) -> dict[str, Stated]:
        return dict.fromkeys(sorted(self.purposes.get(purpose, set())), self.stated)

    def still_agreed(self, uow: Any, school_id: str, purpose: str) -> frozenset[str]:
        return frozenset(self.purposes.get(purpose, set()))


def answer(attempt: str, item: str, p: float, *, day: int = 0, right: bool = True) -> Response:
    at = START + timedelta(days=day)
    return Response(f"{attempt}{item}", "s", "l", attempt, item, (A,), 0, "7", right, None, 0, 30.0, p, "v", item, at)


def plan(urgency: int, kind: Any, point: str) -> rules.Plan:
    return rules.Plan(urgency, kind, "algebra", {"zh": "题", "en": "t"}, {"zh": "因。", "en": "Why."}, point)


def test_a_sitting_tells_its_kind_level_and_gain_per_minute() -> None:
    history = [
        *(answer("1", f"i{n}", 0.2 + 0.1 * n, right=n > 0) for n in range(3)),
        *(answer("2", f"j{n}", 0.6, day=1) for n in range(2)),
        *(answer("3", f"k{n}", 0.6, day=9) for n in range(2)),
        answer("4", "only-one", 0.9, day=9),
    ]
    found = gains.tries(history)
    assert [one.kind for one in found] == ["new", "practice", "review"]
    assert found[0].p == pytest.approx(0.3)
    assert found[0].gain == pytest.approx(0.2 / 1.5)
    again = gains.tries(
        [*history[:1], answer("1", "i9", 0.2, right=False), answer("5", "i0", 0.3), answer("5", "i9", 0.4)]
    )
    assert again[-1].kind == "mistakes"
    assert gains.tries([]) == []


def test_what_brings_more_comes_first_between_what_was_set_or_is_stuck_and_what_fills() -> None:
    pooled = gains.learnt(gains.new(), [gains.Try("review", 0.5, 0.15), gains.Try("practice", 0.5, 0.0)] * 200)
    free = [plan(4, "practice", A), plan(5, "review", B), plan(6, "practice", "algebra.c")]
    plans = [plan(0, "assignment", B), plan(1, "practice", "algebra.stuck"), *free]
    ordered = choosing.order(plans, pooled, [answer("1", "i", 0.5)], {A: 0.5, B: 0.5}, seed=0)
    assert [one.kind for one in ordered] == ["assignment", "practice", "review", "practice", "practice"]
    assert ordered[1] == plans[1]  # nobody is led away from where they are stuck by a guess at what brings more
    assert ordered[2].reason["en"].startswith("Why. A guess from 400 sittings")
    assert ordered[3].reason == plans[2].reason
    assert choosing.order(plans[:1], pooled, [], {}, seed=0) == plans[:1]
    assert choosing.order([], pooled, [], {}, seed=0) == []


def test_the_gain_told_never_exceeds_what_is_left_to_gain() -> None:
    pooled = gains.learnt(gains.new(), [gains.Try("review", 0.95, 0.2)] * 200)
    (only,) = choosing.order([plan(3, "review", A)], pooled, [], {A: 0.95}, seed=0)
    assert "about 5 points" in only.reason["en"]


def test_what_is_hardly_known_is_sometimes_tried_and_the_reason_says_so() -> None:
    unsure = Bandit.new(len(gains.PRIOR), prior=gains.PRIOR, ridge=0.01)
    plans = [plan(4, "practice", A), plan(2, "review", A), plan(5, "lesson", A)]
    firsts = [choosing.order(plans, unsure, [answer("1", "i", 0.5)], {A: 0.5}, seed=seed)[0] for seed in range(40)]
    assert len({one.kind for one in firsts}) == 3
    assert any("worth a try" in one.reason["en"] for one in firsts)


def test_fewer_than_five_learners_are_never_pooled(world: World) -> None:
    ids = [pupil.account_id for pupil in world.pupils]
    for pupil in world.pupils:
        world.practise(pupil, A, "-+++")
    agreed = Agreed(peers=set(ids[:4]))
    pooling = Pooling(world.database, agreed, world.records, clock=world.clock)  # type: ignore[arg-type]  # who agreed
    assert (pooling.renew(world.school), pooling(world.school)) == (0, None)
    agreed.purposes["peers"].add(ids[4])
    assert pooling.renew(world.school) == 5
    pooled = pooling(world.school)
    assert pooled is not None
    assert pooled.tried == 5
    agreed.purposes["peers"].remove(ids[0])  # taken back: the next run forgets all of it
    assert (pooling.renew(world.school), pooling(world.school)) == (0, None)
    assert pooling(world.other_school) is None


def test_only_who_agreed_is_ranked_by_gain_and_the_page_stays_the_same_all_day(world: World) -> None:
    pupil, shy = world.pupils[:2]
    for one in (pupil, shy):
        world.practise(one, A, "+" * 12)
        world.practise(one, B, "--------")
    world.later(days=13)
    pooled = gains.learnt(gains.new(), [gains.Try("review", 0.5, 0.2), gains.Try("practice", 0.5, -0.1)] * 50)
    people: Any = world.people
    profiles: Any = Agreed(suggestions={pupil.account_id})

    def learnt(school_id: str) -> Bandit | None:
        return pooled if school_id == world.school else None

    courses: Any = world.courses
    people.agreed[pupil.account_id] = {"suggestions"}
    service = RecommendationService(
        world.database,
        people,
        courses,
        world.records,
        world.tracing,
        world.assessment,
        profiles,
        learnt,
        clock=world.clock,
    )
    told = [service.next(pupil, pupil.account_id) for _ in range(2)]
    assert told[0] == told[1]
    assert [one.kind for one in told[0]][:2] == ["practice", "review"]  # what is stuck, then what brings most
    assert "A guess from" in told[0][1].reason["en"]
    assert service.next(shy, shy.account_id) == world.recommendation.next(shy, shy.account_id)
    assert service.facts(shy, shy.account_id) == {}
    assert service.facts(pupil, pupil.account_id)["answers"] == 20


def test_all_answers_are_read_again_only_when_there_are_many_more_or_somebody_agreed_or_took_it_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "FEWEST_NEW", 10)
    for pupil in world.pupils:
        world.practise(pupil, A, "-+++")
    agreed = Agreed(peers={pupil.account_id for pupil in world.pupils})
    pooling = Pooling(world.database, agreed, world.records, clock=world.clock)  # type: ignore[arg-type]  # who agreed
    gained = CourseGains(world.database, agreed, world.records)  # type: ignore[arg-type]
    for made in (pooling, gained):
        assert made.renew_if_due(world.school)
        assert not made.renew_if_due(world.school)
    world.practise(world.pupils[0], A, "+++")
    assert not pooling.renew_if_due(world.school)
    world.practise(world.pupils[0], A, "+" * 7)
    assert pooling.renew_if_due(world.school)
    world.database.write(lambda uow: store.remove_gains(uow.conn, world.school))  # taken back and agreed to again
    assert pooling.renew_if_due(world.school)
    agreed.purposes["peers"].pop()
    assert pooling.renew_if_due(world.school)
    assert gained.renew_if_due(world.school)
