"""Searches: trials are runs, values come from a child, the validation part alone decides."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.kernel import clock, errors
from shuyuan.maas.training import interface, searchwork, service, store

SPACE: Mapping[str, Mapping[str, Any]] = {
    "rate": {"low": 1e-4, "high": 0.1, "log": True},
    "batch": {"choices": [16, 32]},
    "epochs": {"low": 1, "high": 4, "int": True},
}
# answers without Optuna, so that the paths around it are quick: the n-th question gets the n-th rate
QUICK = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[-1])
asked = json.loads((folder / "ask.json").read_text())
number = len(asked["taken"])
(folder / "suggestion.json").write_text(json.dumps(
    {"trial": number, "values": {"rate": [0.05, 0.011, 0.02][number % 3]}, "question": asked["question"]}))
"""


def search_of(**given: Any) -> interface.NewSearch:  # Any: fields of NewSearch
    """A search on the data set of the tests."""
    return interface.NewSearch(**{"run": rooms.new(), "space": {"rate": SPACE["rate"]}, "trials": 3, **given})


def ended(training: service.TrainingService, who: Any, search: interface.Search) -> interface.Search:
    """The search once it has ended."""
    return rooms.until(lambda: training.search(who, search.id), lambda found: found.state != "running")


def quick(training: service.TrainingService) -> service.TrainingService:
    """With values that come at once."""
    training._searches.work.suggesting.command = (sys.executable, "-c", QUICK)
    return training


def test_the_best_trial_is_the_one_with_the_best_validation_figure(make: Make, school_id: str) -> None:
    training, who = quick(make("--steps", 2, "--pace", 0)), rooms.person(school_id)
    search = training.start_search(who, search_of(name="rates", metric="validation_loss"))
    assert (search.direction, search.state, search.ended) == ("minimize", "running", 0)
    found = ended(training, who, search)
    assert (found.state, found.ended) == ("finished", 3), found.error
    assert found.best_config["rate"] == 0.011
    assert found.best_value == pytest.approx(0.001)
    trials = training.trials(who, search.id)
    assert [trial.trial for trial in trials] == [0, 1, 2]
    assert training.runs(who) == [], "trials are listed with their search"
    assert not any("test_accuracy" in trial.figures for trial in trials), "no trial is given the test part"


def test_optuna_gives_values_within_the_space(make: Make, school_id: str) -> None:
    pytest.importorskip("optuna", reason="searches need Optuna: make train")
    training, who = make("--steps", 1, "--pace", 0), rooms.person(school_id)
    found = ended(training, who, training.start_search(who, search_of(space=SPACE, trials=2)))
    assert found.state == "finished", found.error
    configs = [trial.config for trial in training.trials(who, found.id)]
    assert len({config["rate"] for config in configs}) == 2
    assert all(1e-4 <= config["rate"] <= 0.1 and config["batch"] in (16, 32) for config in configs)
    assert all(config["epochs"] in (1, 2, 3, 4) for config in configs)


def test_the_child_gives_a_trial_nobody_took_once_more_and_learns_from_the_others(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="searches need Optuna: make train")

    def ask(question: str, taken: list[int], ended: dict[int, float | None]) -> dict[str, Any]:
        told = {"question": question, "space": SPACE, "direction": "minimize", "seed": 7, "startup": 2}
        (tmp_path / "ask.json").write_text(json.dumps({**told, "taken": taken, "ended": ended}))
        subprocess.run([sys.executable, "-m", "shuyuan.maas.training.searching", tmp_path], check=True)
        answer: dict[str, Any] = json.loads((tmp_path / "suggestion.json").read_text())
        return answer

    first = ask("a", [], {})
    again = ask("b", [], {})
    assert (first["trial"], first["values"]) == (again["trial"], again["values"]), "killed before the run was stored"
    second = ask("c", [0], {0: 0.5})
    assert second["trial"] == 1
    assert second["values"] != first["values"]
    assert ask("d", [0, 1], {0: 0.5, 1: None})["trial"] == 2, "a failed trial is told as failed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "test_accuracy"}, "cannot select by 'test_accuracy'"),
        ({"space": {"speed": {"choices": [1]}}}, "no field 'speed'"),
        ({"space": {}}, "has 0 fields"),
        ({"space": {"rate": {"low": 0.1, "high": 0.01}}}, "goes from 0.1 to 0.01"),
        ({"space": {"rate": {"low": 0, "high": 1, "log": True}}}, "logarithmic"),
        ({"space": {"rate": {"low": 0.1, "high": 1000}}}, "may become 1000"),
        ({"space": {"batch": {"low": 1.5, "high": 8, "int": True}}}, "whole number"),
        ({"space": {"rate": {"from": 1}}}, "given as"),
        ({"space": {"batch": {"choices": []}}}, "no list"),
        ({"space": {"batch": {"choices": [{"a": 1}]}}}, "no plain value"),
    ],
)
def test_a_space_the_task_does_not_take_is_refused(
    make: Make, school_id: str, given: dict[str, Any], said: str
) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    with pytest.raises(interface.BadSpace, match=said):
        training.start_search(who, search_of(**given))
    assert training.searches(who) == []


def test_a_hopeless_search_stops_with_the_reason_of_its_trials(make: Make, school_id: str) -> None:
    training, who = quick(make("--refuse")), rooms.person(school_id)
    found = ended(training, who, training.start_search(who, search_of(trials=50)))
    assert (found.state, found.ended) == ("failed", searchwork.HOPELESS)
    assert found.error is not None
    assert found.error["code"] == "one_class"


def test_a_child_that_says_nothing_ends_the_search_with_its_last_words(make: Make, school_id: str) -> None:
    training, who = make(), rooms.person(school_id)
    training._searches.work.suggesting.command = (sys.executable, "-c", "raise SystemExit('no room here')")
    found = ended(training, who, training.start_search(who, search_of()))
    assert found.state == "failed"
    assert found.error is not None
    assert "no room here" in found.error["message"]
    folder = training._searches.work.suggesting.root / found.id
    training.prune()
    assert folder.is_dir(), "it may still be looked into"
    training._now = lambda: clock.now() + timedelta(days=31)
    training.prune()
    assert not folder.exists()


def test_a_search_without_its_metric_names_those_there_are(make: Make, school_id: str) -> None:
    training, who = quick(make("--steps", 1)), rooms.person(school_id)
    found = ended(training, who, training.start_search(who, search_of(trials=1, metric="validation_f1")))
    assert found.error is not None
    assert "validation_accuracy" in found.error["fix"]


def test_a_search_that_was_cancelled_while_its_child_answered_starts_no_trial(make: Make, school_id: str) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    search = training.start_search(who, search_of())
    training.cancel_search(who, search.id)
    with pytest.raises(interface.RunEnded, match="is cancelled"):
        training._searches._starts.start(school_id, who.account_id, rooms.new(), trial=(search.id, 0))
    assert training.trials(who, search.id) == []


def test_a_cancelled_search_takes_its_trial_with_it(make: Make, school_id: str) -> None:
    training, who = quick(make("--steps", 10_000)), rooms.person(school_id)
    search = training.start_search(who, search_of())
    trial = rooms.until(lambda: training.trials(who, search.id), bool)[0]
    assert training.cancel_search(who, str(search.number)).state == "cancelled"
    assert rooms.ended(training, trial).state == "cancelled"
    with pytest.raises(interface.RunEnded):
        training.cancel_search(who, search.id)


def test_a_search_belongs_to_its_school_and_its_teacher(make: Make, platform: Platform, school_id: str) -> None:
    training = make(at_work=False)
    teacher, colleague = (rooms.person(school_id, "teacher", letter * 26) for letter in "ab")
    search = training.start_search(teacher, search_of())
    other = rooms.person(rooms.school(platform, "别的学校"), "admin")
    assert training.searches(other) == []
    for ask in (training.search, training.trials, training.cancel_search):
        for name in (search.id, "1"):
            with pytest.raises(interface.UnknownSearch):
                ask(other, name)
    with pytest.raises(errors.Forbidden):
        training.cancel_search(colleague, search.id)
    with pytest.raises(errors.Forbidden):
        training.start_search(rooms.person(school_id, "student"), search_of())
    assert training.cancel_search(teacher, search.id).state == "cancelled"


def test_a_server_that_died_after_the_question_starts_the_trial_once(
    make: Make, platform: Platform, school_id: str
) -> None:
    training, who = quick(make(at_work=False)), rooms.person(school_id)
    search = training.start_search(who, search_of())
    training._searches.work.look()
    with platform.get("db").read() as conn:
        row, runs = store.open_searches(conn, None)[0], store.trials(conn, search.id)
    training._searches.work._next(row, [])  # as a server does that has not seen the trial
    assert [one.id for one in training.trials(who, search.id)] == [runs[0].id]
