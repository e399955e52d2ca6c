"""Researchers compare learner models on answers of who agreed, and take such answers with them, noted."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.learning.assessment.world import A, World

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, children, errors, ids, outbox
from shuyuan.kernel.settings import Settings
from shuyuan.learning.insight import answersout
from shuyuan.learning.insight.comparing import ComparingService
from shuyuan.science.tracing import interchange

SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")


class Research(World):
    """The small school; the pupils in `agreed` agreed to research. Comparisons only sleep."""

    def __init__(self, database: Any, vault: Any, home: Path) -> None:  # Any: fixtures
        super().__init__(database, vault)
        self.pupils += [self._pupil(self.class_id, number) for number in range(6, 12)]
        self.agreed = {one.account_id for one in self.pupils[1:]}
        people: Any = self.people
        people.consented = lambda school_id, purpose: frozenset(self.agreed if purpose == "research" else ())
        self.out = answersout.AnswersOut(database, vault, self.audit, people, self.records)
        datasets: Any = SimpleNamespace(versions=lambda school_id: [])
        asleep = children.Supervisor("", command=SLEEPS, lock="lock")
        self.comparing = ComparingService(
            database, self.audit, self.out, datasets, Settings(home=home), supervisor=asleep
        )
        self.developer = Principal(ids.new_id(), self.school, "developer")

    def actions(self) -> list[str]:
        """What the activity log says of the school's research."""
        with self.database.read() as conn:
            rows = conn.execute(audit.entry.select().where(audit.entry.c.school_id == self.school))
            return [row.action for row in rows if row.action.startswith(("answers", "comparison"))]


@pytest.fixture
def research(database: Any, vault: Any, tmp_path: Path) -> Iterator[Research]:  # Any: fixtures of the root
    made = Research(database, vault, tmp_path)
    for pupil in made.pupils:
        made.practise(pupil, A, "+-+")
    yield made
    for one in made.comparing.list(made.developer):
        if one.state == "running":
            made.comparing.stop(taken_back(made, made.pupils[1].account_id))


def taken_back(research: Research, learner_id: str) -> outbox.Event:
    return cast(outbox.Event, SimpleNamespace(school_id=research.school, subject_id=learner_id))


def test_only_answers_of_who_agreed_go_out_with_pseudonyms_and_that_is_noted(research: Research) -> None:
    file = io.StringIO()
    assert research.out.write(research.developer, "research", "csv", file) == research.agreed
    file.seek(0)
    rows = interchange.read_csv(file)
    assert len(rows) == 11 * 3
    assert len({one.learner for one in rows}) == 11
    assert not any(one.account_id in file.getvalue() for one in research.pupils)
    assert research.actions() == ["answers.exported"]
    assert [(one.learners, one.answers) for one in research.out.available(research.developer)] == [(11, 33), (0, 0)]


def test_so_few_that_a_pseudonym_hides_nobody_are_refused_and_so_is_an_unknown_purpose(research: Research) -> None:
    research.agreed = {one.account_id for one in research.pupils[:7]}
    with pytest.raises(errors.Conflict, match="7 learners"):
        research.out.write(research.developer, "research", "json", io.StringIO())
    with pytest.raises(errors.BadInput):
        research.out.write(research.developer, "learning", "csv", io.StringIO())
    for who in (research.teacher, research.pupils[0]):
        with pytest.raises(errors.Forbidden):
            research.out.write(who, "research", "csv", io.StringIO())
        with pytest.raises(errors.Forbidden):
            research.comparing.start(who, "own:research", ["rasch"])
    assert research.actions() == []


def test_a_comparison_is_found_again_by_another_server_and_only_one_runs_at_a_time(research: Research) -> None:
    begun = research.comparing.start(research.developer, "own:research", ["rasch", "rasch", "kalman"], seed=2)
    assert (begun.state, begun.models, begun.of) == ("running", ("rasch", "kalman"), 4)
    with pytest.raises(errors.RateLimited):
        research.comparing.start(research.developer, "own:research", ["rasch"])
    with pytest.raises(errors.NotFound):
        research.comparing.one(research.stranger, begun.id)
    other = ComparingService(
        research.database, research.audit, research.out, cast(Any, None), Settings(home=research.comparing._home.parent)
    )
    assert other.one(research.developer, begun.id).state == "running"
    assert research.actions() == ["comparison.started"]


def test_who_takes_consent_back_ends_what_works_on_their_answers_and_nobody_else_does(research: Research) -> None:
    begun = research.comparing.start(research.developer, "own:research", ["rasch"])
    folder = research.comparing._home / research.school / begun.id
    research.comparing.stop(taken_back(research, research.pupils[0].account_id))  # is not in it
    assert research.comparing.one(research.developer, begun.id).state == "running"
    assert (folder / "answers.csv").exists()
    research.comparing.stop(taken_back(research, research.pupils[1].account_id))
    ended = research.comparing.one(research.developer, begun.id)
    assert (ended.state, ended.error["code"]) == ("failed", "consent_missing")
    assert {one.name for one in folder.iterdir()}.isdisjoint({"answers.csv", "who.json"})


@pytest.mark.parametrize(("models", "seed"), [([], 0), (["guess"], 0), (["rasch"], -1)])
def test_what_cannot_be_compared_is_refused_and_leaves_nothing(
    research: Research, models: list[str], seed: int
) -> None:
    with pytest.raises(errors.BadInput):
        research.comparing.start(research.developer, "own:research", models, seed=seed)
    assert research.comparing.list(research.developer) == []
