"""Answers stored with a version go when one of its learners says no; the version stays, and says so."""

import hashlib
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import null, update
from tests.learning.improvement.school import School

from shuyuan.compose import Platform
from shuyuan.kernel import audit, clock, db
from shuyuan.kernel.jobs import Scheduler
from shuyuan.kernel.storage import Storage
from shuyuan.learning.improvement import dataset, jobs, keptstore
from shuyuan.learning.improvement.interface import Overtaken
from shuyuan.learning.improvement.keptanswers import LEFT_AFTER, KeptAnswers
from shuyuan.learning.improvement.tables import kept as table
from shuyuan.science.tracing import online

LEARNING_ONLY = frozenset({"learning"})


class Full(Storage):
    """A store that cannot delete for a while."""

    is_broken = True

    def remove(self, address: str) -> None:
        if self.is_broken:
            raise PermissionError("the store is read-only")
        super().remove(address)


class Busy(Storage):
    """A store to which a turn of the loop writes while it deletes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.meanwhile: list[Callable[[], object]] = []

    def remove(self, address: str) -> None:
        super().remove(address)
        while self.meanwhile:
            self.meanwhile.pop()()


@pytest.fixture
def small(platform: Platform) -> School:
    """A school of four, the first of whom never agreed."""
    return School(platform, learners=4, answers=2)


def test_who_withdraws_ends_the_stored_answers_and_the_version_goes_on_serving(school: School) -> None:
    platform = school.platform
    parts = ("improvement", "tracing", "identity", "gathering")
    jobs.register(platform.get("outbox"), Scheduler(), *(platform.get(one) for one in parts))
    loop, storage, outbox = platform.get("improvement"), platform.get("storage"), platform.get("outbox")
    turned = loop.turn(school.id, by=school.admin.account_id)
    people = platform.get("people")
    people.set_consent(school.admin, school.learners[0], frozenset({"learning", "research"}))
    outbox.drain()
    assert storage.has(turned.data_sha256), "who was never in it changes nothing"
    assert loop.version(school.admin, turned.id).answers_deleted_at is None
    people.set_consent(school.admin, school.learners[1], LEARNING_ONLY)
    outbox.drain()
    assert not storage.has(turned.data_sha256)
    after = loop.version(school.admin, turned.id)
    assert after.answers_deleted_at is not None
    assert (after.state, after.data_sha256) == ("champion", turned.data_sha256)
    assert platform.get("tracing").version(school.id) == turned.version
    assert _logged(school) == [(turned.data_sha256, {"number": "1"})]


def test_answers_of_a_turn_that_came_to_nothing_or_of_somebody_who_said_no_meanwhile_go_with_its_end(
    school: School,
) -> None:
    storage, people = school.platform.get("storage"), school.platform.get("people")
    refused = school.loop(fit=lambda table, *, seed: online.Params()).turn(school.id, by=school.admin.account_id)
    school.answer(school.learners[2], 5, random.Random(4))

    def choosing(table: online.Interactions, *, seed: int) -> online.Params:
        school.loop().roll_back(school.admin, refused.id, "meanwhile")
        return online.fit(table, seed=seed)

    with pytest.raises(Overtaken):
        school.loop(fit=choosing).turn(school.id, by=school.admin.account_id)
    address = _address(school)
    assert not storage.has(address)

    def refusing(table: online.Interactions, *, seed: int) -> online.Params:
        people.set_consent(school.admin, school.learners[1], LEARNING_ONLY)
        return online.fit(table, seed=seed)

    turned = school.loop(fit=refusing).turn(school.id, by=school.admin.account_id)
    assert turned.data_sha256 == address
    assert turned.answers_deleted_at is not None
    assert not storage.has(address)


def test_what_belongs_to_no_version_is_let_go_and_what_could_not_be_is_swept_later(small: School) -> None:
    storage, database = Full(small.platform.settings.artefact_url), small.platform.get("db")
    kept, address = _kept(small, storage)
    kept.let_go(small.id, address)
    assert storage.has(address)
    storage.is_broken = False
    other = kept.keep(small.id, _answers(small, small.learners[2:]))
    assert storage.has(address), "another turn may be about to register its version"
    long_ago = clock.now() - LEFT_AFTER - timedelta(seconds=1)
    database.write(
        lambda uow: uow.conn.execute(update(table).where(table.c.sha256 == address).values(kept_at=long_ago))
    )
    assert kept.keep(small.id, _answers(small, small.learners[2:])) == other
    assert (storage.has(address), storage.has(other)) == (False, True)
    kept.let_go(small.id, other)
    kept.let_go(small.id, other)
    assert not storage.has(other)
    with database.read() as conn:
        assert conn.execute(table.select()).all() == []
    assert _logged(small) == [], "they were nobody's: no version lost them"


def test_who_is_erased_is_in_no_stored_answers(small: School) -> None:
    kept, address = _kept(small)
    small.platform.get("people").erase(small.admin, small.learners[2])
    assert kept.keep_promises(small.id) == 1
    assert not small.platform.get("storage").has(address)
    assert kept.keep_promises() == 0


def test_what_the_store_refuses_is_tried_again_until_it_is_gone(small: School) -> None:
    storage = Full(small.platform.settings.artefact_url)
    kept, address = _kept(small, storage)
    _says_no(small)
    assert [kept.keep_promises(), kept.keep_promises(small.id)] == [0, 0]
    assert storage.has(address)
    assert _logged(small) == [], "nothing is said to be gone that is there"
    storage.is_broken = False
    assert kept.keep_promises() == 1
    assert not storage.has(address)


def test_sets_of_which_everybody_agrees_stay_and_so_do_other_schools(platform: Platform, small: School) -> None:
    other = School(platform, learners=3, answers=1)
    kept, address = _kept(small)
    _, before = _kept(small, agreed=small.learners[2:])
    _, of_other = _kept(other)
    _says_no(small)
    assert kept.keep_promises() == 1
    stays = {one: platform.get("storage").has(one) for one in (address, before, of_other)}
    assert stays == {address: False, before: True, of_other: True}


def test_a_set_at_an_address_that_two_schools_keep_is_gone_for_both(platform: Platform, small: School) -> None:
    other = School(platform, learners=3, answers=1)
    kept, address = _kept(small)
    kept.keep(other.id, platform.get("storage").get(address))
    _says_no(small)
    assert kept.keep_promises(small.id) == 2
    assert (len(_logged(small)), len(_logged(other))) == (1, 1)
    assert not platform.get("storage").has(address)


def test_a_set_from_before_persons_were_noted_is_read_and_one_never_stored_is_left(small: School) -> None:
    kept, address = _kept(small)
    never = "0" * 64

    def as_before(uow: db.UnitOfWork) -> None:
        keptstore.note(uow, small.id, never, [])
        uow.conn.execute(update(table).values(persons=null()))

    small.platform.get("db").write(as_before)
    assert kept.keep_promises() == 0
    _says_no(small)
    assert kept.keep_promises() == 1
    assert [told[0] for told in _logged(small)] == [address]


def test_somebody_who_withdrew_while_a_version_was_fitted_is_found_by_the_clock(small: School) -> None:
    kept, address = _kept(small)
    assert kept.keep_promises() == 0
    _says_no(small)
    assert kept.keep_promises() == 1
    assert kept.keep(small.id, _answers(small, small.learners[1:])) == address  # read before the no
    assert small.platform.get("storage").has(address)
    assert kept.keep_promises() == 1
    assert not small.platform.get("storage").has(address)


def test_what_is_stored_anew_while_it_is_deleted_is_not_taken_for_gone(small: School) -> None:
    storage = Busy(small.platform.settings.artefact_url)
    kept, address = _kept(small, storage)
    raw = storage.get(address)
    _says_no(small)
    storage.meanwhile.append(lambda: kept.keep(small.id, raw))
    assert kept.keep_promises() == 0
    assert storage.has(address)
    assert kept.keep_promises() == 1
    assert not storage.has(address)


def _kept(school: School, storage: Storage | None = None, agreed: list[str] | None = None) -> tuple[KeptAnswers, str]:
    """The keeper, and the address of a set of the learners who agree."""
    parts: dict[str, Any] = {one: school.platform.get(one) for one in ("db", "storage", "vault", "audit", "people")}
    kept = KeptAnswers(**{**parts, **({"storage": storage} if storage else {})})
    return kept, kept.keep(school.id, _answers(school, agreed or school.learners[1:]))


def _answers(school: School, learners: list[str]) -> bytes:
    get = school.platform.get
    return dataset.build(get("vault"), get("records").history(school.id, frozenset(learners))).raw


def _address(school: School) -> str:
    agreed = school.platform.get("people").consented(school.id, "improvement")
    return hashlib.sha256(_answers(school, list(agreed))).hexdigest()


def _says_no(school: School) -> None:
    school.platform.get("people").set_consent(school.admin, school.learners[1], LEARNING_ONLY)


def _logged(school: School) -> list[tuple[str, dict[str, Any]]]:
    with school.platform.get("db").read() as conn:
        rows = conn.execute(
            audit.entry.select().where(
                audit.entry.c.school_id == school.id, audit.entry.c.action == "tracer.answers_deleted"
            )
        )
        return [(row.object_id, row.detail) for row in rows]
