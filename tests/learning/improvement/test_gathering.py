"""Answers become a data set of who agreed; who no longer does is taken out of it."""

import time
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from tests.learning.improvement.school import School

from shuyuan.compose import Platform
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel.jobs import Scheduler
from shuyuan.learning.improvement import gathering as gathering_module
from shuyuan.learning.improvement import gatheringstore, jobs
from shuyuan.learning.improvement.gathering import COLUMNS, FEWEST_LEARNERS, Gathering
from shuyuan.learning.improvement.interface import NotEnoughAnswers
from shuyuan.maas.datasets import interface as datasets_api


@pytest.fixture
def school(platform: Platform) -> School:
    """Nine learners with three answers each; the first one agreed to learning alone."""
    return School(platform, learners=FEWEST_LEARNERS + 1, answers=3)


def gathering(school: School) -> Gathering:
    found: Gathering = school.platform.get("gathering")
    return found


def gathered(school: School, name: str = "answers", **told: Any) -> datasets_api.DataSetVersion:
    """Any: see Gathering.gather."""
    work = gathering(school).gather(school.admin, name, "improvement", **told)
    version: datasets_api.DataSetVersion = school.platform.get("datasets").wait(school.id, work.id, 60)
    return version


def kept(school: School) -> datasets_api.DataSetVersion:
    """The newest version, once nobody is in it any more who does not agree."""
    until = time.monotonic() + 60
    while gathering(school).keep_promises() or any(not one.ended for one in works(school)):
        assert time.monotonic() < until
        time.sleep(0.05)
    newest: datasets_api.DataSetVersion = school.platform.get("datasets").version(school.id, "answers")
    return newest


def works(school: School) -> list[datasets_api.Work]:
    found: list[datasets_api.Work] = school.platform.get("datasets").works(school.id)
    return found


def test_a_no_and_an_erasure_reach_the_data_set_that_answers_became(school: School) -> None:
    people, datasets = school.platform.get("people"), school.platform.get("datasets")
    first = gathered(school, said="which items are hard")
    assert (first.rows, first.personal, first.consent) == (3 * FEWEST_LEARNERS, True, True)
    assert (first.purpose, first.basis) == ("which items are hard", "8 learners agreed to improvement")
    assert tuple((one.name, one.role) for one in first.columns) == tuple(
        zip(COLUMNS, ("person", "feature", "feature", "label", "time", "feature", "ignore"), strict=True)
    )
    table = pl.read_parquet(datasets.open_part(first, "train"))
    assert table["person"].n_unique() == FEWEST_LEARNERS
    assert not set(table["person"]) & set(school.learners)
    assert gathering(school).keep_promises() == 0

    people.set_consent(school.admin, school.learners[1], frozenset({"learning"}))
    second = kept(school)
    assert (second.uri, second.rows) == ("data:/answers/2", 3 * (FEWEST_LEARNERS - 1))
    people.erase(school.admin, school.learners[2])
    third = kept(school)
    assert (third.uri, third.rows, third.consent) == ("data:/answers/3", 3 * (FEWEST_LEARNERS - 2), True)
    assert [one.uri for one in datasets.versions(school.id) if one.purged_at is None] == [third.uri]
    assert datasets.version(school.id, first.uri).purged_why == "1 of the learners no longer agree to improvement"


def test_a_set_of_few_learners_or_for_no_purpose_of_training_is_refused(school: School) -> None:
    school.platform.get("people").set_consent(school.admin, school.learners[1], frozenset({"learning"}))
    with pytest.raises(NotEnoughAnswers, match="7 learners who agreed to improvement"):
        gathered(school)
    with pytest.raises(errors.BadInput, match="no purpose of training"):
        gathering(school).gather(school.admin, "answers", "learning")
    assert [(one.purpose, one.learners, one.answers) for one in gathering(school).gatherable(school.admin)] == [
        ("improvement", 7, 21),
        ("research", 0, 0),
    ]
    assert [one.learners for one in gathering(school).gatherable(school.teacher)] == [0, 0]  # of no class
    with pytest.raises(errors.Forbidden):
        gathering(school).gatherable(Principal("x", school.id, "developer"))
    assert works(school) == []


def test_an_event_takes_who_said_no_or_was_erased_out_without_waiting_for_the_clock(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = school.platform
    jobs.register(
        platform.get("outbox"),
        Scheduler(),
        *(platform.get(one) for one in ("improvement", "tracing", "identity", "gathering")),
    )
    heard = list[str]()
    monkeypatch.setattr(platform.get("improvement"), "keep_promises", heard.append)
    gathered(school)
    platform.get("outbox").drain()
    people = platform.get("people")
    people.set_consent(school.admin, school.learners[1], frozenset({"learning"}))
    assert ended(school) == ["import"]
    platform.get("outbox").drain()
    assert ended(school) == ["erase", "import"]
    people.erase(school.admin, school.learners[2])
    platform.get("outbox").drain()
    assert ended(school) == ["erase", "erase", "import"]
    assert platform.get("datasets").version(school.id, "answers").rows == 3 * (FEWEST_LEARNERS - 2)
    assert heard == [school.id] * 2  # the canary is asked too


def ended(school: School) -> list[str]:
    """Kinds of works, newest first, once all have ended."""
    for one in works(school):
        school.platform.get("datasets").wait(school.id, one.id, 60)
    return [one.kind for one in works(school)]


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("verb", ["create", "erase_persons"])
def test_a_set_is_known_though_the_process_ended_as_its_work_began(
    school: School, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, datasets = school.platform.get("people"), school.platform.get("datasets")
    begins = getattr(datasets, verb)

    def crash(*asked: Any, **told: Any) -> None:  # Any: of the verb
        begins(*asked, **told)
        raise Crash

    if verb == "erase_persons":
        gathered(school)
        people.set_consent(school.admin, school.learners[2], frozenset({"learning"}))
    monkeypatch.setattr(datasets, verb, crash)
    with pytest.raises(Crash):
        gathering(school).keep_promises() if verb == "erase_persons" else gathered(school)
    monkeypatch.undo()
    ended(school)
    people.set_consent(school.admin, school.learners[1], frozenset({"learning"}))
    left = FEWEST_LEARNERS - 1 - (verb == "erase_persons")
    assert kept(school).rows == 3 * left


def test_a_set_whose_import_never_began_is_forgotten_after_a_day_and_no_sooner(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_asked: Any, **_told: Any) -> None:  # Any: of the verb
        raise errors.Conflict("the queue is full", fix="wait")

    monkeypatch.setattr(school.platform.get("datasets"), "create", refuse)
    with pytest.raises(errors.Conflict):
        gathered(school)
    assert (gathering(school).keep_promises(), noted(school)) == (0, 1)
    monkeypatch.setattr(gathering_module, "_BEGUN_WITHIN", timedelta(seconds=-1))
    assert (gathering(school).keep_promises(), noted(school)) == (0, 0)


def noted(school: School) -> int:
    with school.platform.get("db").read() as conn:
        return len(gatheringstore.every(conn))
