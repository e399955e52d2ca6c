"""Alarms: the version in use is held against its own report, on what it said before the latest answers."""

import random
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from tests.learning.improvement.school import NIGHT, School

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, errors, ids
from shuyuan.learning.improvement import watching
from shuyuan.learning.improvement.interface import WATCH_ANSWERS, TracerVersion
from shuyuan.learning.records.interface import Response
from shuyuan.science.tracing import online, serving
from shuyuan.science.tracing.serving import newitems, stability

LATE = timedelta(days=2)
EASY = {f"i{place}": place / 2 - 2.0 for place in range(9)}  # difficulties
PARAMS = online.Params(items=EASY)


def answer(school: School, learners: Sequence[str], each: int, hardness: float, first_item: int = 0) -> None:
    for number, learner in enumerate(learners):
        rng = random.Random(70 + number)
        school.answer(learner, each, rng, ago=LATE, hardness=hardness, first_item=first_item)


def test_planted_drift_is_told_once_and_only_on_enough_answers_of_those_who_agreed(school: School) -> None:
    loop = school.loop(clock=lambda: NIGHT)
    look = loop.watching
    assert look.look(school.id) is None  # the built-in tracer has no report here
    loop.turn(school.id, by=school.admin.account_id)
    answer(school, school.learners[:1], 300, hardness=-2.2)  # of one who did not agree
    quiet = look.look(school.id)
    assert quiet is not None
    assert (quiet.answers, quiet.conditions) == (0, ())
    answer(school, school.learners[1:], 8, hardness=-2.2)  # hard is easy and easy is hard
    few = look.look(school.id)
    assert few is not None
    assert (few.answers, few.learners, few.conditions) == (184, 23, ())
    assert look.alarms(school.admin) == []
    answer(school, school.learners[1:], 2, hardness=-2.2)
    told = look.look(school.id)
    assert told is not None
    assert told.answers >= WATCH_ANSWERS
    assert look.last(school.admin) == told
    failed = {one.name for one in told.conditions if not one.passed}
    assert failed == {"live_log_loss", "live_auc", "live_calibration"}
    assert {one.name for one in told.conditions} - failed == {"live_population"}
    alarms = look.alarms(school.admin)
    assert {(one.condition.name, one.about) for one in alarms} == {
        ("live_log_loss", "worse"),
        ("live_auc", "worse"),
        ("live_calibration", "drift"),
    }
    look.look(school.id)
    assert look.alarms(school.admin) == alarms  # told once
    look.see(school.admin, alarms[0].id)
    assert [one.seen_at is None for one in look.alarms(school.admin)] == [False, True, True]
    with pytest.raises(errors.Forbidden):
        look.see(school.teacher, alarms[1].id)
    stranger = Principal(ids.new_id(), ids.new_id(), "admin")
    with pytest.raises(errors.NotFound):
        look.see(stranger, alarms[1].id)
    assert (look.alarms(stranger), look.last(stranger)) == ([], None)
    assert [one.seen_at is None for one in look.alarms(school.admin)] == [False, True, True]
    with school.platform.get("db").read() as conn:
        assert len(list(audit.entries(conn, school.id, action="tracer.alarm"))) == 3 + 1
    assert look.look_if_due(school.id) is None
    assert school.loop(clock=lambda: NIGHT + watching.EVERY).watching.look_if_due(school.id) is not None


def test_items_nobody_was_asked_before_are_drift_and_another_version_ends_an_alarm(school: School) -> None:
    loop = school.loop(clock=lambda: NIGHT)
    first = loop.turn(school.id, by=school.admin.account_id)
    answer(school, school.learners[1:], 10, hardness=0.0, first_item=100)
    loop.watching.look(school.id)
    names = {one.condition.name: one for one in loop.watching.alarms(school.admin)}
    assert names["live_population"].condition.figure > stability.MAJOR_SHIFT
    assert names["live_population"].ended_at is None
    second = loop.turn(school.id, by=school.admin.account_id)
    loop.roll_back(school.admin, second.id, "it knows the new items")
    assert loop.watching.last(school.admin) is None
    loop.watching.look(school.id)
    assert all(one.ended_at is not None for one in loop.watching.alarms(school.admin))
    loop.roll_back(school.admin, first.id, "back")
    loop.watching.look(school.id)
    again = {one.condition.name: one for one in loop.watching.alarms(school.admin)}
    assert again["live_population"] == names["live_population"]  # it stands again, and is not told anew


def said(correct: np.ndarray, p: np.ndarray, items: Sequence[str]) -> list[Response]:
    return [
        Response(
            id=ids.new_id(),
            school_id="s",
            learner_id=f"l{at % 20}",
            attempt_id="a",
            item_id=items[at % len(items)],
            points=("p",),
            seed=1,
            answer="",
            correct=bool(right),
            misconception=None,
            hints_used=0,
            seconds=None,
            p_before=float(chance),
            tracer_version="v",
            client_key="k",
            at=NIGHT,
        )
        for at, (right, chance) in enumerate(zip(correct, p, strict=True))
    ]


def judged(shift: float, items: Sequence[str] = tuple(EASY)) -> dict[str, bool]:
    """Live answers that a tracer overrates by `shift` logits, beside a report without any: figure → kept."""
    rng = np.random.default_rng(4)
    logit = np.asarray([-2.0 * EASY.get(items[at % len(items)], 0.0) for at in range(900)])
    p = 1.0 / (1.0 + np.exp(-logit))
    right = rng.random(900) < 1.0 / (1.0 + np.exp(shift - logit))
    report = {"log_loss": 0.43, "log_loss_low": 0.40, "log_loss_high": 0.46}
    report |= {"auc": 0.86, "auc_low": 0.84, "auc_high": 0.88, "calibration_error": 0.02}
    rows = [online.Answer("l", item, ["p"], True) for item in EASY for _ in range(50)]
    reference = {"population": stability.population(PARAMS, online.Interactions.of(rows))._asdict()}
    version = TracerVersion(
        "v", 1, "v", "champion", 500, 9, 0, "0" * 64, "prior-1", report, (), "gate", "system", 0.5, NIGHT
    )
    return {one.name: one.passed for one in watching.judged(version, reference, PARAMS, said(right, p, items))}


def test_a_version_that_does_as_its_report_said_raises_nothing() -> None:
    kept = dict.fromkeys(("live_log_loss", "live_auc", "live_calibration", "live_population"), True)
    assert judged(0.0) == kept


def test_each_figure_goes_past_its_limit_for_its_own_reason() -> None:
    assert judged(2.0) == {
        "live_log_loss": False,
        "live_auc": True,  # the order is as good as it was
        "live_calibration": False,
        "live_population": True,
    }
    assert not judged(0.0, ["i0", "i1"])["live_population"]
    assert not judged(0.0, [*EASY, "new1", "new2", "new3", "new4"])["live_population"]


def test_the_shift_of_a_population_is_nothing_at_first_and_grows_with_what_is_new() -> None:
    rows = [online.Answer("l", item, ["p"], True) for item in EASY for _ in range(20)]
    then = stability.population(PARAMS, online.Interactions.of(rows))
    assert sum(then.counts) == len(rows)
    shifts = []
    for new in (0, 20, 80):
        more = rows + [online.Answer("l", f"new{n}", ["p"], True) for n in range(new)]
        now = stability.counted(PARAMS, online.Interactions.of(more), then.edges)
        shifts.append(stability.index(then, now))
    assert shifts[0] == 0.0
    assert shifts == sorted(shifts)
    assert serving.PRIOR.params.items == {}
    nothing = stability.population(serving.PRIOR.params, online.Interactions.of(rows))
    assert nothing.counts[-1] == len(rows)  # a tracer that knows no item


def test_an_item_that_is_only_guessed_counts_as_one_the_fit_never_met() -> None:
    asked = online.Interactions.of(online.Answer("l", item, ["p"], True) for item in [*EASY, "new"] * 20)
    then = stability.population(PARAMS, asked)
    guessing = newitems.with_items(PARAMS, {"new": 0.7})
    assert (guessing.met("i0"), guessing.met("new")) == (True, False)
    assert stability.population(guessing, asked).counts == then.counts
    assert stability.population(serving.read(serving.write(guessing.to_arrays())).params, asked).counts == then.counts
    hidden = newitems.without_items(serving.Tracer(guessing), ["new"]).params
    assert (hidden.items, hidden.guessed) == (PARAMS.items, frozenset())


def test_items_that_learners_do_not_share_are_no_drift() -> None:
    rng = np.random.default_rng(5)

    def asked(learners: int) -> online.Interactions:
        return online.Interactions.of(
            online.Answer(who, f"i{item}", ["p"], True)
            for who in range(learners)
            for item in rng.choice(900, 50, replace=False)
        )

    fit, strangers, later = asked(6), asked(2), asked(8)
    params = online.Params(items={item: float(rng.normal()) for item in fit.item_ids})
    for then, drifts in (
        (stability.population(params, fit, strangers), False),
        (stability.population(params, fit), True),
    ):
        now = stability.counted(params, later, then.edges)
        assert (stability.index(then, now) > stability.MAJOR_SHIFT) == drifts
