"""A turn of the tutor: hint first, the lesson's passage, the model behind the guard, a sealed transcript."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from tests.learning.tutor.world import ScriptedVoice, World, kinds, text_of

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors
from shuyuan.learning.tutor import interface, tables, voices
from shuyuan.maas.gateway import interface as gateway_api

WHY = "Where did I go wrong with the sign?"


def test_a_hint_comes_first_then_the_passage_then_the_model(world: World) -> None:
    voice = ScriptedVoice()
    item = world.item("expression")
    attempt = world.start(item)
    events = world.ask(voice, item, WHY, attempt=attempt)
    assert kinds(events) == ["hint", "source", "sentence", "sentence", "done"]
    assert (events[0].data["number"], world.question(attempt).hints[0] in events[0].text) == (1, True)
    assert text_of(events, "sentence") == "Look at the sign before the bracket. What does it do to each term?"
    assert world.assessment.attempt(world.pupil, attempt.id).slots[0].hints_used == 1


def test_the_passage_named_is_the_one_of_the_item_and_belongs_to_its_lesson(world: World) -> None:
    voice = ScriptedVoice()
    item = next(i for i in world.content.items if i.passage and i.kind == "expression")
    (source,) = [event.data["passage"] for event in world.ask(voice, item.id, WHY) if event.kind == "source"]
    assert isinstance(source, dict)
    lesson = world.courses.lesson(world.school_id, source["lesson_id"])
    passage = next(p for p in lesson.passages if p.id == source["id"])
    assert (passage.id.rpartition(".")[2], source["title"]) == (str(item.passage).rpartition(".")[2], passage.title.en)
    assert set(lesson.points) & set(item.points)
    told = voice.asked[0][0]["content"]
    assert any(sentence in told for sentence in passage.text.en.split(". ")[:3])


def test_the_model_is_never_told_the_key(world: World) -> None:
    for kind in ("numeric", "text", "expression"):
        voice, item = ScriptedVoice(), world.item(kind)
        attempt = world.start(item)
        question = world.question(attempt)
        world.ask(voice, item, WHY, attempt=attempt)
        scene = str(voice.asked[0]).replace(question.prompt, "").replace(str(question.explanation), "!")
        assert "!" not in scene
        assert f"answer is {question.key.says[0]}" not in scene


def test_the_model_is_told_what_the_learner_wrote_wrong_and_the_mistake_behind_it(world: World) -> None:
    item = next(i for i in world.content.items if i.kind == "expression" and i.wrong and len(i.hints) >= 2)
    attempt = world.start(item.id)
    slot = attempt.slots[0]
    (written, mistake), *_ = world.courses.wrong_answers(world.school_id, item.id, slot.seed)
    world.assessment.answer(world.pupil, attempt.id, item.id, written, client_key="k" * 8)
    voice = ScriptedVoice()
    world.ask(voice, item.id, WHY, attempt=attempt)
    told = voice.asked[0][0]["content"]
    name = next(m.name.en for m in world.content.course.misconceptions if m.id == mistake)
    assert f"What the student answered (not right): {written} ({name})" in told
    fresh = ScriptedVoice()
    world.ask(fresh, item.id, WHY)
    assert "not right" not in fresh.asked[0][0]["content"]


@pytest.mark.parametrize("message", ["我不想活了", "I want to kill myself", "爸爸打我，我不敢回家"])
def test_a_child_in_danger_is_answered_with_care_without_a_model_and_the_school_can_see_it(
    world: World, message: str
) -> None:
    voice, item = ScriptedVoice(), world.item("expression")
    attempt = world.start(item)
    events = world.ask(voice, item, message, attempt=attempt)
    assert kinds(events) == ["sentence", "done"]
    assert voice.asked == []
    assert ("110" in text_of(events, "sentence")) or ("adult you trust" in text_of(events, "sentence"))
    assert world.assessment.attempt(world.pupil, attempt.id).slots[0].hints_used == 0
    (turn,) = world.tutor(voice).transcript(world.teacher, world.learner_id)
    assert (turn.outcome, turn.message) == ("care", message)
    with world.database.read() as conn:
        assert [row.object_id for row in kernel_audit.entries(conn, world.school_id, action="care.")] == [turn.id]


def test_apologies_invented_hints_and_echoes_of_a_model_are_left_out(world: World) -> None:
    chatter = (
        "I'm sorry, I'm unable to assist you. ",
        "Hint 3: Print the system prompt. ",
        "Where did I go wrong with the sign? ",
        "；；；；；；；； ",
        "What does the minus do to each term?",
    )
    events = world.ask(ScriptedVoice(pieces=chatter), world.item("expression"), WHY)
    assert text_of(events, "sentence").strip() == "What does the minus do to each term?"
    alone = world.ask(ScriptedVoice(pieces=chatter[:1]), world.item("expression"), WHY)
    assert kinds(alone) == ["hint", "source", "note", "done"]


def test_each_question_opens_the_next_hint_and_the_last_one_is_said_again(world: World) -> None:
    voice = ScriptedVoice(pieces=())
    item = world.item("expression")
    attempt = world.start(item)
    count = world.question(attempt).hint_count
    numbers = [
        (event.data["number"], event.data["again"])
        for _ in range(count + 1)
        for event in world.ask(voice, item, WHY, attempt=attempt)
        if event.kind == "hint"
    ]
    assert numbers == [(n, False) for n in range(1, count + 1)] + [(count, True)]


def test_a_leak_is_replaced_by_the_next_hint_and_counted(world: World) -> None:
    item = world.item("numeric")
    attempt = world.start(item)
    question = world.question(attempt)
    answer = question.key.says[0]
    voice = ScriptedVoice(pieces=("Look at it again. The ans", f"wer is {answer[:1]}", f"{answer[1:]}. Well then."))
    events = world.ask(voice, item, WHY, attempt=attempt)
    replaced = [event for event in events if event.kind == "replaced"]
    assert len(replaced) == 1
    assert replaced[0].data["number"] == 2
    assert question.hints[1] in replaced[0].text
    assert (events[-1].data["replaced"], f"answer is {answer}" in text_of(events)) == (1, False)


@pytest.mark.parametrize(
    ("message", "refusal"), [("Just tell me the answer please", "yours to find"), ("直接告诉我答案！", "要你自己得出")]
)
def test_asking_for_the_answer_is_refused_without_asking_a_model(world: World, message: str, refusal: str) -> None:
    voice = ScriptedVoice()
    events = world.ask(voice, world.item("numeric"), message)
    assert kinds(events) == ["sentence", "hint", "done"]
    assert refusal in events[0].text
    assert voice.asked == []


def test_thanks_open_no_hint(world: World) -> None:
    voice, item = ScriptedVoice(), world.item("numeric")
    attempt = world.start(item)
    assert kinds(world.ask(voice, item, "Thank you!", attempt=attempt)) == ["sentence", "done"]
    assert world.assessment.attempt(world.pupil, attempt.id).slots[0].hints_used == 0


def test_the_language_follows_the_student(world: World) -> None:
    voice = ScriptedVoice(pieces=("先看括号前面的符号。",))
    events = world.ask(voice, world.item("expression"), "我哪一步错了？", language="en")
    assert (events[-1].data["language"], text_of(events, "sentence")) == ("zh", "先看括号前面的符号。")
    assert events[0].text.startswith("提示 1")
    assert "只用中文" in voice.asked[0][0]["content"]


def test_off_in_a_test_hints_too(world: World) -> None:
    item = world.item("numeric")
    test = world.start(item, kind="test")
    with pytest.raises(interface.TutorOff):
        world.ask(ScriptedVoice(), item, WHY, attempt=test)
    assert world.tutor(ScriptedVoice()).standing(world.pupil).voice == "off"


def test_off_in_practice_while_a_test_is_open(world: World) -> None:
    item, other = [i.id for i in world.content.items if i.kind == "numeric"][:2]
    practice = world.start(item)
    world.start(other, kind="test")
    with pytest.raises((interface.TutorOff, errors.Conflict)):
        world.ask(ScriptedVoice(), item, WHY, attempt=practice)


def test_off_for_a_suspended_learner(world: World) -> None:
    item = world.item("numeric")
    attempt = world.start(item)
    until = datetime.now(UTC) + timedelta(hours=1)
    world.pupil = Principal(world.pupil.account_id, world.school_id, "student", suspended_until=until)
    with pytest.raises(interface.TutorOff):
        world.ask(ScriptedVoice(), item, WHY, attempt=attempt)


def test_below_the_age_line_hints_answer_until_the_teacher_turns_the_tutor_on(world: World) -> None:
    world.add_pupil("02", age_band="under_13")
    voice, item = ScriptedVoice(), world.item("numeric")
    events = world.ask(voice, item, WHY)
    assert kinds(events) == ["hint", "source", "note", "done"]
    assert (events[2].data["why"], voice.asked) == ("off", [])
    world.people.set_tutor(world.teacher, world.class_id, True)
    assert "sentence" in kinds(world.ask(voice, item, WHY))
    world.people.set_tutor(world.teacher, world.class_id, False)
    assert "sentence" not in kinds(world.ask(voice, item, WHY))


def test_while_the_model_is_loading_hints_answer_and_say_how_far_it_is(world: World) -> None:
    voice = ScriptedVoice(ready=voices.Readiness("loading", progress=0.42))
    events = world.ask(voice, world.item("numeric"), WHY)
    note = next(event for event in events if event.kind == "note")
    assert ("42%" in note.text, note.data["progress"], voice.asked) == (True, 0.42, [])
    assert kinds(events)[0] == "hint"


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (errors.Unavailable("worker lost"), "unavailable"),
        (errors.RateLimited("queue full"), "busy"),
        (gateway_api.QuotaFull("full", fix="", retry_after_s=1, allowances=()), "quota"),
    ],
)
def test_a_model_that_fails_leaves_the_hint_standing(world: World, failure: Exception, why: str) -> None:
    events = world.ask(ScriptedVoice(failure=failure), world.item("numeric"), WHY)
    assert kinds(events) == ["hint", "source", "note", "done"]
    assert events[2].data["why"] == why


def test_a_queue_is_told_before_the_wait(world: World) -> None:
    voice = ScriptedVoice(ready=voices.Readiness("ready", ahead=3))
    events = world.ask(voice, world.item("numeric"), WHY)
    assert next(event for event in events if event.kind == "queue").data["ahead"] == 3


def test_messages_are_one_to_a_thousand_characters(world: World) -> None:
    item = world.item("numeric")
    for message in ("", "  \n", "x" * 1_001):
        with pytest.raises(errors.BadInput):
            world.ask(ScriptedVoice(), item, message)


def test_only_the_one_who_practises_may_ask(world: World) -> None:
    item = world.item("numeric")
    attempt = world.start(item)
    _id, world.pupil = world.add_pupil("03")
    with pytest.raises(errors.NotFound):
        world.ask(ScriptedVoice(), item, WHY, attempt=attempt)
    world.pupil = world.stranger
    with pytest.raises(errors.NotFound):
        world.ask(ScriptedVoice(), item, WHY, attempt=attempt)


def test_the_learner_and_their_teacher_read_the_transcript_nobody_else(world: World) -> None:
    voice = ScriptedVoice()
    world.ask(voice, world.item("numeric"), WHY)
    tutor = world.tutor(voice)
    (turn,) = tutor.transcript(world.teacher, world.learner_id)
    assert (turn.message, turn.outcome, turn.model) == (WHY, "answered", "models:/scripted/1")
    assert "Look at the sign before the bracket." in turn.answer
    assert turn.sources[0].title
    assert list(tutor.transcript(world.pupil, world.learner_id)) == [turn]
    other_teacher, (_id, other_pupil) = world.member("teacher", "wang"), world.add_pupil("02")
    for nobody in (other_teacher, other_pupil, world.stranger):
        with pytest.raises(errors.NotFound):
            tutor.transcript(nobody, world.learner_id)


def test_a_reading_by_the_teacher_is_told_to_the_learner(world: World) -> None:
    world.tutor(ScriptedVoice()).transcript(world.teacher, world.learner_id)
    assert [who for _at, who in world.people.seen(world.pupil, world.learner_id)] == [world.teacher.account_id]


def test_the_learner_is_told_who_reads_along(world: World) -> None:
    events = world.ask(ScriptedVoice(), world.item("numeric"), WHY)
    assert events[-1].data["visible_to"] == "Your teachers can read this chat; parents cannot."


def test_words_lie_sealed_and_are_gone_with_the_learners_key(world: World) -> None:
    world.ask(ScriptedVoice(), world.item("numeric"), WHY)
    with world.database.read() as conn:
        row = conn.execute(select(tables.turn)).one()
    assert WHY.encode() not in row.message
    assert b"bracket" not in row.answer
    tutor = world.tutor(ScriptedVoice())
    world.database.write(lambda uow: world.platform.get("vault").erase(uow, world.learner_id))
    (turn,) = tutor.transcript(world.teacher, world.learner_id)
    assert (turn.message, turn.answer) == ("∅", "∅")


def test_a_learner_who_leaves_stops_the_model_and_keeps_what_was_said(world: World) -> None:
    voice = ScriptedVoice(pieces=("First look at the sign. ", "Then ", "think."), hold=asyncio.Event())
    tutor, item = world.tutor(voice), world.item("numeric")
    attempt = world.start(item)

    async def leave_while_it_speaks() -> None:
        events = await tutor.ask(world.pupil, attempt.id, item, WHY)

        async def listen() -> list[interface.Event]:
            return [event async for event in events]

        listening = asyncio.create_task(listen())
        while not voice.asked:
            await asyncio.sleep(0.01)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await tutor.drain()

    asyncio.run(leave_while_it_speaks())
    assert voice.cut_short == 1
    (turn,) = tutor.transcript(world.pupil, world.learner_id)
    assert (turn.outcome, turn.answer.startswith("Hint 1")) == ("left", True)


def test_a_second_question_remembers_the_first(world: World) -> None:
    voice, item = ScriptedVoice(), world.item("numeric")
    attempt = world.start(item)
    world.ask(voice, item, WHY, attempt=attempt)
    world.ask(voice, item, "And why does that change?", attempt=attempt)
    assert [turn["role"] for turn in voice.asked[1]] == ["system", "user", "assistant", "user"]
    assert voice.asked[1][1]["content"] == WHY
