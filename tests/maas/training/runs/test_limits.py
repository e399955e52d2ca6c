"""How much may be open at once, and what a search does where the machine has no room or its trials fail."""

import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make
from tests.maas.training.runs.test_searches import ended, quick, search_of

from shuyuan.maas.training import interface, limits, room, store


@pytest.mark.parametrize(("bound", "whose"), [("RUNS_OF_SCHOOL", "of the school"), ("RUNS_OF_PERSON", "you started")])
def test_the_next_run_over_a_bound_is_refused_with_the_number_and_the_fix(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch, bound: str, whose: str
) -> None:
    monkeypatch.setattr(limits, bound, 1)
    training, who = make(at_work=False), rooms.person(school_id)
    first = training.start(who, rooms.new())
    with pytest.raises(interface.TooManyRuns, match=f"1 runs .*{whose}.* at most 1") as refused:
        training.start(who, rooms.new())
    assert (refused.value.status, refused.value.fix[:6]) == (429, "cancel")
    training.cancel(who, first.id)
    assert training.start(who, rooms.new()).state == "queued", "what has ended counts no more"


def test_the_runs_of_one_person_leave_room_for_another(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RUNS_OF_PERSON", 1)
    training = make(at_work=False)
    for letter in "ab":
        assert training.start(rooms.person(school_id, "teacher", letter * 26), rooms.new()).state == "queued"


@pytest.mark.parametrize(
    ("bound", "most", "said"),
    [
        ("SEARCHES_OF_SCHOOL", 1, "1 searches of the school"),
        ("SEARCHES_OF_PERSON", 1, "1 searches that you started"),
        ("TRIALS_OF_SCHOOL", 5, "6 trials of searches of the school"),
        ("TRIALS_OF_PERSON", 5, "6 trials of searches that you started"),
    ],
)
def test_the_next_search_over_a_bound_is_refused_with_the_number_and_the_fix(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, said: str
) -> None:
    monkeypatch.setattr(limits, bound, most)
    training, who = make(at_work=False), rooms.person(school_id)
    first = training.start_search(who, search_of(trials=3))
    with pytest.raises(interface.TooManySearches, match=said) as refused:
        training.start_search(who, search_of(trials=3))
    assert (refused.value.status, "cancel" in refused.value.fix) == (429, True)
    training.cancel_search(who, first.id)
    assert training.start_search(who, search_of(trials=3)).state == "running"


@pytest.mark.parametrize(("bound", "said"), [("DISK_BYTES", "of disk are free"), ("MEMORY_BYTES", "of memory are")])
def test_no_search_begins_where_the_machine_has_no_room(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch, bound: str, said: str
) -> None:
    monkeypatch.setattr(room, bound, 1 << 60)
    training, who = make(at_work=False), rooms.person(school_id)
    with pytest.raises(interface.NoRoom, match=said) as refused:
        training.start_search(who, search_of())
    assert refused.value.fix
    assert training.searches(who) == []


def test_a_search_waits_for_room_before_it_starts_its_child(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    search = training.start_search(who, search_of())
    quick(training)
    monkeypatch.setattr(room, "MEMORY_BYTES", 1 << 60)
    training._searches.work.look()
    assert training.search(who, search.id).waits_for == "room"
    assert not (training._searches.work.suggesting.root / search.id).exists(), "nothing was started"
    monkeypatch.setattr(room, "MEMORY_BYTES", 0)
    training._searches.work.look()
    assert training.search(who, search.id).waits_for == ""
    assert len(training.trials(who, search.id)) == 1


def test_a_trial_that_fails_does_not_end_its_search(make: Make, school_id: str) -> None:
    training, who = quick(make("--refuse-rate", 0.05)), rooms.person(school_id)
    found = ended(training, who, training.start_search(who, search_of(trials=3, metric="validation_loss")))
    assert (found.state, found.ended, found.best_config["rate"]) == ("finished", 3, 0.011), found.error
    assert [trial.state for trial in training.trials(who, found.id)] == ["failed", "finished", "finished"]


def test_what_a_search_has_found_stays_when_no_further_trial_can_be_made(
    make: Make, school_id: str, sets: rooms.Sets
) -> None:
    training, who = quick(make(at_work=False)), rooms.person(school_id)
    search = training.start_search(who, search_of())
    training._searches.work.look()
    trial = training.trials(who, search.id)[0]
    training._db.write(
        lambda uow: store.change(uow, trial.id, ("queued",), state="finished", figures={"validation_loss": 0.5})
    )
    sets.consent = False
    training._searches.work.look()
    found = training.search(who, search.id)
    assert (found.state, found.best_run_id) == ("finished", trial.id)
    assert found.error is not None
    assert found.error["code"] == "consent_missing"
