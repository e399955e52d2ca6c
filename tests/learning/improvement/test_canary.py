"""A later version, and every net, foretells the answers of some learners unseen before it may serve anybody."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.learning.improvement.school import NIGHT, POINTS, School
from tests.learning.improvement.test_improvement import NOON
from tests.science.tracing import school as simulated
from tests.science.tracing.serving import nets

from shuyuan.kernel import audit, children, errors
from shuyuan.learning.improvement import fitting, trials
from shuyuan.learning.improvement.service import ImprovementService
from shuyuan.learning.tracing.interface import Foretold
from shuyuan.learning.tracing.tables import memory
from shuyuan.science.tracing import online, serving

ITEMS = [f"c.i{place}" for place in range(16)]
LATE = timedelta(days=2)
DULL = online.Params(  # says the same of every answer
    general_weight=0.0,
    wins_weight=0.0,
    losses_weight=0.0,
    form_weight=0.0,
    typical_point=online.PointParams(0.0, 0.0, 0.0),
)


def shy(table: online.Interactions, *, seed: int) -> online.Params:
    """A fit that knows a tenth of how hard items are: worse than `online.fit` whoever is held out. At a half of it both
    put answers in nearly the same order, and the AUC of a rare draw of learners fell below its margin."""
    fitted = online.fit(table, seed=seed)
    return replace(fitted, items={item: 0.1 * value for item, value in fitted.items.items()})


def tried(school: School, **given: Any) -> ImprovementService:  # Any: as `ImprovementService` takes them
    """A loop whose second version is the canary; the first serves, as an administrator wanted."""
    weak = school.loop(fit=shy).turn(school.id, by=school.admin.account_id)
    if weak.state != "champion":
        school.loop().roll_back(school.admin, weak.id, "something to be better than")
    loop = school.loop(**{"clock": lambda: NIGHT, **given})
    turned = loop.turn(school.id, by=school.admin.account_id)
    assert turned.state == "canary", turned
    return loop


def answer(school: School, learners: Sequence[str], each: int, **given: Any) -> None:  # Any: as `School.answer` does
    for number, learner in enumerate(learners):
        school.answer(learner, each, random.Random(900 + number), ago=LATE, **given)


def whose(school: School) -> list[str]:
    """Learners of the canary."""
    with school.platform.get("db").read() as conn:
        canary = school.platform.get("tracing")._champions.serving(conn, school.id).canary
    return sorted(canary.learners)


def test_a_better_version_serves_nobody_until_its_canary_has_told(school: School) -> None:
    loop = tried(school)
    second, first = loop.versions(school.admin)
    tracing = school.platform.get("tracing")
    assert (first.state, tracing.version(school.id)) == ("champion", first.version)
    assert second.canary is not None
    assert second.canary.learners == len(whose(school)) == 5
    assert loop.turn_if_due(school.id) is None  # one at a time
    answer(school, whose(school), 39)
    assert loop.judge_canary(school.id) is None  # 195 answers
    answer(school, whose(school)[:1], 5)
    assert school.loop(clock=lambda: NOON).judge_canary(school.id) is None  # never in school hours
    promoted = loop.judge_canary(school.id)
    assert promoted is not None
    assert (promoted.state, promoted.reason, promoted.id) == ("champion", "canary", second.id)
    assert promoted.canary is not None
    assert promoted.canary.answers == 200
    assert promoted.canary.difference is not None
    assert promoted.canary.difference < 0
    assert [one.name for one in promoted.conditions][-2:] == ["canary_log_loss", "canary_calibration"]
    assert tracing.version(school.id) == second.version
    assert tracing.foretold(school.id, second.version) == []
    assert loop.versions(school.admin)[1].state == "retired"
    with school.platform.get("db").read() as conn:
        said = [row.action for row in audit.entries(conn, school.id, action="tracer.")]
    assert said[:2] == ["tracer.promoted", "tracer.tried"]


def test_a_canary_that_is_clearly_worse_is_withdrawn_at_once_even_in_school_hours(school: School) -> None:
    loop = tried(school)
    serving_now = school.platform.get("tracing").version(school.id)
    answer(school, whose(school), 24, hardness=-2.2)  # what was hard is easy now: the surer version errs more
    withdrawn = school.loop(clock=lambda: NOON).judge_canary(school.id)
    assert withdrawn is not None
    assert withdrawn.state == "withdrawn"
    assert "canary_log_loss" in withdrawn.reason
    assert school.platform.get("tracing").version(school.id) == serving_now
    assert loop.judge_canary(school.id) is None
    with school.platform.get("db").read() as conn:
        assert conn.execute(select(func.count()).select_from(memory)).scalar_one() == 0  # nothing of it stays
    chosen = loop.roll_back(school.admin, withdrawn.id, "a trial in the science room")
    assert chosen.state == "champion"


def test_what_a_person_chose_while_a_canary_was_judged_stands(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = tried(school)
    other = school.loop(fit=lambda table, *, seed: DULL).turn(school.id, by=school.admin.account_id)
    assert other.state == "refused"
    answer(school, whose(school), 41)
    storage = school.platform.get("storage")
    read = storage.get

    def meanwhile(address: str) -> bytes:
        monkeypatch.setattr(storage, "get", read)
        loop.roll_back(school.admin, other.id, "the last one did better")
        found: bytes = read(address)
        return found

    monkeypatch.setattr(storage, "get", meanwhile)
    assert loop.judge_canary(school.id) is None
    assert school.platform.get("tracing").version(school.id) == other.version
    assert [one.state for one in loop.versions(school.admin)] == ["champion", "withdrawn", "retired"]


def test_a_canary_without_answers_ends_and_an_exam_holds_every_change(school: School) -> None:
    loop = tried(school)
    answer(school, whose(school), 41)
    (class_,) = school.platform.get("people").classes(school.admin)
    identity = school.platform.get("identity")
    identity.set_suspension(school.admin, class_.id, datetime.now(UTC) + timedelta(hours=2))
    assert loop.judge_canary(school.id) is None
    identity.set_suspension(school.admin, class_.id, None)
    people = school.platform.get("people")
    for learner in whose(school)[:3]:  # two are left, who answered 82 times
        people.set_consent(school.admin, learner, frozenset({"learning"}))
    stay = whose(school)[3:]
    assert loop.judge_canary(school.id) is None
    (now, _) = loop.versions(school.admin)
    assert now.canary is not None
    assert (now.canary.answers, now.canary.answering, now.canary.log_loss) == (82, 2, None)
    loop.keep_promises(school.id)
    loop.keep_promises(school.id)
    (now, _) = loop.versions(school.admin)
    assert now.canary is not None
    assert (whose(school), now.canary.learners) == (stay, 2)
    late = school.loop(clock=lambda: NIGHT + trials.LASTS + timedelta(days=1)).judge_canary(school.id)
    assert late is not None
    assert (late.state, late.reason) == ("withdrawn", "canary_answers, canary_learners")


def test_a_net_has_to_beat_its_own_kalman_step_and_then_its_canary_on_learners_who_agreed(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "SHARE", 1.0)
    asked: list[Sequence[online.Answer]] = []

    def idle(rows: Sequence[online.Answer], seed: int) -> bytes:
        return serving.write(nets.arrays(ITEMS, POINTS, size=0.0, params=online.fit(online.Interactions.of(rows))))

    def knowing(rows: Sequence[online.Answer], seed: int) -> bytes:
        asked.append(rows)
        easier = {key: -2.2 if place % 2 else 2.2 for place, key in enumerate(ITEMS)}
        return serving.write(nets.arrays(ITEMS, POINTS, size=0.0, params=DULL, easier=easier))

    settings = school.platform.settings.model_copy(update={"tracer_net_answers": 400})
    (refused,) = [school.loop(settings=settings, fit_net=idle).turn_net(school.id, by="system")]
    assert refused is not None
    assert (refused.state, refused.kind, refused.reason) == ("refused", "recurrent", "refit_log_loss")
    loop = school.loop(settings=settings, fit_net=knowing, clock=lambda: NIGHT)
    made = loop.turn_net(school.id, by="system")
    assert made is not None
    assert made.state == "canary", made  # also as the first of the school's own
    assert whose(school) == sorted(school.learners[1:]), "whoever agreed, and nobody else"
    answer(school, whose(school)[:5], 41)
    promoted = loop.judge_canary(school.id)
    assert promoted is not None
    assert (promoted.state, promoted.kind) == ("champion", "recurrent")
    assert loop.status(school.admin).kind == "recurrent"
    assert school.platform.get("tracing").tracer(school.id).net is not None
    vault = school.platform.get("vault")
    names = {str(row.learner) for row in asked[0]}
    everybody = {vault.keyed_hash("data set", learner)[:16] for learner in school.learners[1:]}
    assert names < everybody, "only of those who agreed, and not those who are held out"
    assert len(names) == 23 - 6
    school.platform.get("people").set_consent(school.admin, school.learners[1], frozenset({"learning"}))
    loop.turn_net(school.id, by="system")
    assert vault.keyed_hash("data set", school.learners[1])[:16] not in {str(row.learner) for row in asked[1]}


def test_no_net_is_fitted_below_its_number_of_answers(school: School) -> None:
    def never(rows: Sequence[online.Answer], seed: int) -> bytes:
        raise AssertionError

    assert school.loop(fit_net=never).turn_net(school.id, by="system") is None
    off = school.platform.settings.model_copy(update={"tracer_net_answers": 0})
    assert school.loop(fit_net=never, settings=off).turn_net(school.id, by="system") is None


def test_a_net_that_cannot_be_fitted_leaves_the_refit_in_use(school: School) -> None:
    def failing(rows: Sequence[online.Answer], seed: int) -> bytes:
        raise errors.Unavailable("fitting failed: no room")

    settings = school.platform.settings.model_copy(update={"tracer_net_answers": 400})
    turned = school.loop(settings=settings, fit_net=failing, clock=lambda: NIGHT).turn_if_due(school.id)
    assert turned is not None
    assert (turned.state, turned.kind) == ("champion", "online")


def test_a_child_process_fits_a_net_that_the_server_can_serve() -> None:
    pytest.importorskip("torch", reason="the net needs torch: make train")
    table = simulated.simulate(6, 8, points=3, items=10, seed=4).table
    rows = [
        online.Answer(f"l{table.learner[at]}", f"i{table.item[at]}", ["p"], bool(table.correct[at]), float(at))
        for at in range(len(table))
    ]
    assert serving.read(fitting.fit_net(rows, 7)).kind == "recurrent"
    with pytest.raises(errors.Unavailable, match="fitting failed: a row names the same point twice"):
        fitting.fit_net([online.Answer("l", "i", ["p", "p"], True, 0.0)], 7)


@pytest.mark.parametrize(("gap", "names"), [(-0.1, ["canary_log_loss", "canary_calibration"]), (0.0, [])])
def test_a_trial_is_decided_by_its_own_answers(gap: float, names: list[str]) -> None:
    at = NIGHT
    told = [Foretold(f"l{n % 5}", n % 10 < 8, 0.8 + gap, 0.8, at) for n in range(200 if gap else 99)]
    trial = trials.so_far(trials.begun(at, 5), told)
    found = trials.conditions(trial, told, at)
    assert [one.name for one in found] == names
    assert all(one.passed for one in found)


def test_a_trial_whose_time_is_over_is_no_yes_where_too_few_learners_answered() -> None:
    told = [Foretold(f"l{n % 2}", n % 10 < 8, 0.8, 0.8, NIGHT) for n in range(250)]
    trial = trials.so_far(trials.begun(NIGHT - trials.LASTS, 5), told)
    found = trials.conditions(trial, told, NIGHT)
    assert [(one.name, one.passed) for one in found] == [("canary_answers", True), ("canary_learners", False)]
    left = trials.begun(NIGHT, 2)  # whoever took consent back has left it: nothing can come of it any more
    assert [one.passed for one in trials.conditions(trials.so_far(left, told), told, NIGHT)] == [True, False]
    assert trials.conditions(trials.so_far(trials.begun(NIGHT, 3), told), told, NIGHT) == ()


def test_the_child_that_fits_a_net_ends_with_a_server_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "idle.py").write_text(
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    server = "from shuyuan.learning.improvement import fitting; fitting.CHILD = 'idle'; fitting.fit_net([], 7)"
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen([sys.executable, "-c", server], env={**os.environ, "PYTHONPATH": path}) as killed:
        until(lambda: (tmp_path / "pid").is_file() and bool((tmp_path / "pid").read_text()))
        pid = int((tmp_path / "pid").read_text())
        assert children.began(pid), "it works while its server lives"
        killed.kill()
    until(lambda: not children.began(pid))


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
