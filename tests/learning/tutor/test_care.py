"""Signs of harm reach the person the school named, administrators and the class's teachers: ids in, names out."""

import pytest
from sqlalchemy import select
from tests.learning.tutor.world import ScriptedVoice, World

from shuyuan.identity.interface import RESPONSIBLE, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors, outbox
from shuyuan.learning.tutor import interface, jobs, tables
from shuyuan.learning.tutor.service import TutorService
from shuyuan.maas.gateway import interface as gateway_api

SAID = "我不想活了"


def say_it(world: World) -> TutorService:
    tutor = world.tutor(ScriptedVoice())
    world.ask(ScriptedVoice(), world.item("expression"), SAID)
    return tutor


def name(world: World, who: Principal) -> None:
    value = {"account_id": who.account_id}
    world.database.write(
        lambda uow: world.identity.set_setting(uow, school_id=world.school_id, name=RESPONSIBLE, value=value)
    )


def tell(world: World, **payload: object) -> None:
    """What the gateway says when a message to the model API shows signs of harm."""
    events: outbox.Outbox = world.platform.get("outbox")
    account = world.teacher.account_id
    world.database.write(
        lambda uow: events.emit(
            uow, gateway_api.HARM_SIGNS, school_id=world.school_id, subject_id=account, source="input", **payload
        )
    )


def actions(world: World, kind: str) -> list[tuple[str, str, str]]:
    with world.database.read() as conn:
        found = kernel_audit.entries(conn, world.school_id, action=kind)
        return [(row.action, row.actor_id, row.object_id) for row in found]


def test_the_notice_names_the_pupil_the_class_and_the_place_and_holds_no_words(world: World) -> None:
    (notice,) = say_it(world).concerns(world.admin)
    assert (notice.name, notice.class_name, notice.place, notice.has_chat) == ("小01", "7B", "tutor", True)
    assert (notice.seen_at, notice.seen_by) == (None, "")
    with world.database.read() as conn:
        stored = conn.execute(select(tables.concern)).one()
    assert SAID not in str(stored)
    assert "小01" not in str(stored)


def test_who_answers_for_the_pupil_sees_it_and_nobody_else(world: World) -> None:
    tutor = say_it(world)
    other = world.member("teacher", "wang")
    assert len(tutor.concerns(world.admin)) == len(tutor.concerns(world.teacher)) == 1
    assert tutor.concerns(other) == []
    assert tutor.concerns(world.stranger) == []
    (notice,) = tutor.concerns(world.admin)
    for refused in (world.pupil, world.member("developer", "dev")):
        with pytest.raises(errors.Forbidden):
            tutor.concerns(refused)
        with pytest.raises(errors.Forbidden):
            tutor.see_concern(refused, notice.id)
    for outsider in (other, world.stranger):
        for verb in (tutor.see_concern, tutor.concern_chat):
            with pytest.raises(errors.NotFound):
                verb(outsider, notice.id)
    name(world, other)
    assert [one.name for one in tutor.concerns(other)] == ["小01"]
    assert tutor.concern_chat(other, notice.id)[1][0].message == SAID


def test_a_developer_once_named_sees_nothing(world: World) -> None:
    tutor, developer = say_it(world), world.member("developer", "dev")
    name(world, developer)
    with pytest.raises(errors.Forbidden):
        tutor.concerns(developer)


def test_opening_the_chat_is_noted_where_the_pupil_and_the_school_can_see_it(world: World) -> None:
    tutor = say_it(world)
    (notice,) = tutor.concerns(world.teacher)
    concern, turns = tutor.concern_chat(world.teacher, notice.id)
    assert (concern.id, [turn.message for turn in turns]) == (notice.id, [SAID])
    assert actions(world, "transcript.") == [("transcript.read", world.teacher.account_id, world.learner_id)]
    assert [who for _at, who in world.people.seen(world.pupil, world.learner_id)] == [world.teacher.account_id]


def test_seen_is_noted_once_and_stays_listed_for_the_others(world: World) -> None:
    tutor = say_it(world)
    (notice,) = tutor.concerns(world.teacher)
    tutor.see_concern(world.teacher, notice.id)
    tutor.see_concern(world.admin, notice.id)
    (seen,) = tutor.concerns(world.admin)
    assert (seen.seen_at is not None, seen.seen_by) == (True, "lin")
    assert actions(world, "care.seen") == [("care.seen", world.teacher.account_id, notice.id)]
    say_it(world)
    assert [one.seen_at is None for one in tutor.concerns(world.admin)] == [True, False], "unseen ones first"


def test_what_the_model_api_met_is_noted_once_however_often_it_is_told(world: World) -> None:
    tutor, events = world.platform.get("tutor"), world.platform.get("outbox")
    jobs.register(events, tutor)
    jobs.register(events, tutor)  # as if it came a second time
    tell(world, key_id="k1", age_band="child")
    assert events.drain() == 1
    (notice,) = tutor.concerns(world.admin)
    assert (notice.name, notice.class_name, notice.place, notice.has_chat) == ("lin", "", "api", False)
    assert tutor.concern_chat(world.admin, notice.id) == (notice, ())
    assert tutor.concerns(world.teacher) == [], "not about a pupil of theirs"
    tell(world, key_id="k1", age_band="child")
    events.drain()
    assert len(tutor.concerns(world.admin)) == 2


def test_an_erased_pupil_has_no_name(world: World) -> None:
    tutor = say_it(world)
    world.people.erase(world.admin, world.learner_id)
    (notice,) = tutor.concerns(world.admin)
    assert "小01" not in str(notice)
    assert isinstance(notice, interface.Concern)
