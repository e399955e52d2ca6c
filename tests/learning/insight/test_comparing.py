"""Researchers compare learner models on answers of who agreed, and take such answers with them, noted."""

import io
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from pydantic import ValidationError
from tests.learning.assessment.world import A, World

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, children, errors, ids, outbox
from shuyuan.kernel.settings import Settings
from shuyuan.learning.courses.interface import Courses, Worded, says
from shuyuan.learning.insight import answersout, researchroutes
from shuyuan.learning.insight.comparing import ComparingService
from shuyuan.science.tracing import comparing, comparingnew, interchange
from shuyuan.science.tracing.serving import newitems

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
        asleep, courses = children.Supervisor("", command=SLEEPS, lock="lock"), cast(Courses, self.courses)
        self.comparing = ComparingService(
            database, self.audit, self.out, datasets, courses, self, Settings(home=home), supervisor=asleep
        )
        self.developer = Principal(ids.new_id(), self.school, "developer")

    def of(self, school_id: str) -> Worded:
        """Nobody reads what items mean here."""
        raise AssertionError

    def known(self, school_id: str, texts: Mapping[str, str]) -> Mapping[str, newitems.Vectors]:
        """As if the search model had read them all."""
        return {key: np.asarray([len(text)], np.float32) for key, text in texts.items() if school_id == self.school}

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
    research.agreed.remove(research.pupils[1].account_id)
    assert research.out.available(research.developer)[0].answers == 30
    research.practise(research.pupils[2], A, "+")
    assert research.out.available(research.developer)[0].answers == 31


def test_all_answers_are_counted_again_only_when_there_are_others(
    research: Research, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = research.out.available(research.developer)
    monkeypatch.setattr(research.records, "history", None)  # whoever reads it now fails
    assert research.out.available(research.developer) == first


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
        research.database,
        research.audit,
        research.out,
        cast(Any, None),
        cast(Any, None),
        cast(Any, None),
        Settings(home=research.comparing._home.parent),
    )
    assert other.one(research.developer, begun.id).state == "running"
    assert research.actions() == ["comparison.started"]


def test_texts_of_questions_stand_in_the_file_of_the_child_alone_and_only_where_they_are_read(
    research: Research,
) -> None:
    begun = research.comparing.start(research.developer, "own:research", ["kalman"], new_items=True)
    assert (begun.new_items, begun.of) == (True, 3)
    written = (research.comparing._home / research.school / begun.id / "answers.csv").read_text()
    texts = interchange.read_texts(io.StringIO(written)).texts
    assert texts.keys() == {one.item_id for one in interchange.read_csv(io.StringIO(written))}
    item = next(iter(texts))
    assert texts[item] == research.courses.items[item].prompt.of("zh")
    folder = research.comparing._home / research.school / begun.id
    assert comparingnew.read_meaning(folder) == {key: len(text) for key, text in texts.items()}
    assert says(cast(Courses, research.courses), research.school, "algebra.gone") == ""
    exported = io.StringIO()
    research.out.write(research.developer, "research", "csv", exported)
    assert not any(text in exported.getvalue() for text in texts.values())
    research.comparing.stop(taken_back(research, research.pupils[1].account_id))
    assert not list(folder.glob("*.npz"))


def test_one_that_is_finished_has_done_all_its_stages_and_does_nothing_more(research: Research) -> None:
    begun = research.comparing.start(research.developer, "own:research", ["rasch"])
    research.comparing.stop(taken_back(research, research.pupils[1].account_id))
    folder = research.comparing._home / research.school / begun.id
    (folder / "stopped.json").unlink()
    (folder / "progress.json").write_text('{"stage": "control", "model": "rasch", "done": 1, "of": 2}')
    (folder / "result.json").write_text('{"models": {}}')
    found = research.comparing.one(research.developer, begun.id)
    assert (found.state, found.done, found.of, found.doing) == ("finished", 2, 2, ("", ""))


def test_a_field_that_is_none_of_a_comparison_is_refused() -> None:
    with pytest.raises(ValidationError, match="newitems"):
        researchroutes.NewComparison.model_validate({"source": "own:research", "models": ["elo"], "newitems": True})


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


def test_who_looks_while_one_begins_clears_nothing_of_it_away(
    research: Research, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = research.comparing._begin

    def looked_at(folder: Path) -> None:
        (seen,) = research.comparing.list(research.developer)
        assert (seen.state, (folder / "answers.csv").exists()) == ("running", True)
        begin(folder)

    monkeypatch.setattr(research.comparing, "_begin", looked_at)
    assert research.comparing.start(research.developer, "own:research", ["rasch"]).state == "running"


def test_who_takes_consent_back_while_one_begins_ends_it_too(
    research: Research, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, threads = research.comparing._taken, list[threading.Thread]()

    def and_meanwhile(*asked: Any) -> set[str]:
        who = taken(*asked)
        event = taken_back(research, research.pupils[1].account_id)
        threads.append(threading.Thread(target=research.comparing.stop, args=(event,)))
        threads[0].start()
        threads[0].join(0.05)  # without a lock it is over by now, and has found nothing
        return who

    monkeypatch.setattr(research.comparing, "_taken", and_meanwhile)
    begun = research.comparing.start(research.developer, "own:research", ["rasch"])
    threads[0].join()
    assert research.comparing.one(research.developer, begun.id).error["code"] == "consent_missing"


def test_a_server_that_dies_while_answers_are_taken_leaves_none_of_them(
    research: Research, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(principal: Principal, source: str, folder: Path, order: comparing.Order) -> set[str]:
        (folder / "answers.csv").write_text("p-1,i,1")
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(research.comparing, "_taken", dies)
        patched.setattr(shutil, "rmtree", lambda *told, **how: None)  # the dead tidy nothing up
        with pytest.raises(SystemExit):
            research.comparing.start(research.developer, "own:research", ["rasch"])
    (left,) = research.comparing.list(research.developer)
    assert left.state == "failed"
    assert not list(research.comparing._home.rglob("answers.csv"))
