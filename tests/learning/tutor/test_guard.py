"""No sentence that gives the answer of an open question away gets through, however it is dressed or cut."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from shuyuan.learning.courses.interface import Key, Question, QuestionChoice
from shuyuan.learning.tutor import guard, interface, speaking

CHOICES = tuple(
    QuestionChoice(id=name, text=text)
    for name, text in (
        ("w1", "only the first term"),
        ("r", "every term inside"),
        ("w2", "no term"),
        ("w3", "the last term"),
    )
)


def numeric(answer: str = "12", prompt: str = "How many eggs are in three boxes?") -> Question:
    return Question(
        item_id="c.i",
        course_id="c",
        kind="numeric",
        seed=1,
        language="en",
        points=("c.p",),
        prompt=prompt,
        hints=("one",),
        hint_count=1,
    ).with_key(Key(answer=answer, says=(answer,)))


def single() -> Question:
    return Question(
        item_id="c.i",
        course_id="c",
        kind="single",
        seed=1,
        language="en",
        points=("c.p",),
        prompt="Which terms change sign?",
        choices=CHOICES,
    ).with_key(Key(answer="r", says=("every term inside",)))


def expression() -> Question:
    return Question(
        item_id="c.i",
        course_id="c",
        kind="expression",
        seed=1,
        language="en",
        points=("c.p",),
        prompt="Remove the brackets: $-(2x-5)$",
    ).with_key(Key(answer="-2*x + 5", says=("-2*x + 5",)))


def heard(question: Question, pieces: Sequence[str], *, still_open: bool = True) -> list[interface.Event]:
    """What the learner is told when a model says `pieces`."""

    async def stream() -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    async def no_hint() -> None:
        return None

    async def run() -> list[interface.Event]:
        watch = guard.Guard(question, question.language, still_open=still_open)
        spoken = speaking.Speaking(question.language, watch, no_hint)
        return [event async for event in spoken.events(stream())]

    return asyncio.run(run())


def shown(events: Sequence[interface.Event]) -> str:
    return "".join(event.text for event in events if event.kind == "sentence")


LEAKS = [
    (numeric(), ["So there are 1", "2 eggs."], "12"),
    (numeric(), ["The ans", "wer is tw", "elve."], "twelve"),
    (numeric(), ["一共有十", "二个。"], "十二"),
    (numeric(), ["Three times four is $1", "2$."], "12"),
    (numeric("1/2"), ["It is $\\frac{1}", "{2}$ of them."], "frac"),
    (numeric("1/2"), ["You get 0", ".5 then."], "0.5"),
    (numeric(), ["ｔｈｅ　ａｎｓｗｅｒ　ｉｓ　", "１２。"], "１２"),
    (numeric(), ["Spell it: ", "t-w-e-l-v-e."], "t-w-e-l-v-e"),
    (numeric(), ["The first digit is easy. ", "1. ", "2."], "2."),
    (numeric(), ["**", "12", "**"], "12"),
    (single(), ["The right choice is ", "B", "."], "B"),
    (single(), ["应该", "选", "B。"], "B"),
    (single(), ["B"], "B"),
    (single(), ["The answer is every term", " inside."], "every"),
    (expression(), ["You get $-2x", "+5$."], "-2x"),
    (expression(), ["So it is 5 ", "- 2x."], "5 - 2x"),
]


@pytest.mark.parametrize(("question", "pieces", "secret"), LEAKS)
def test_an_answer_never_gets_through_however_it_is_written_or_cut(
    question: Question, pieces: list[str], secret: str
) -> None:
    events = heard(question, pieces)
    assert secret not in shown(events)
    assert [event.kind for event in events].count("replaced") >= 1


def test_cutting_a_stream_anywhere_changes_nothing() -> None:
    told = "Look at the boxes first. There are twelve eggs. Now say how you would check it?"
    whole = shown(heard(numeric(), [told]))
    assert whole == "Look at the boxes first. Now say how you would check it?"
    for size in (1, 2, 3, 5, 7):
        pieces = [told[at : at + size] for at in range(0, len(told), size)]
        assert shown(heard(numeric(), pieces)) == whole


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (numeric(prompt="What is $3 \\times 4$?"), "Draw 3 rows of 4 dots. How many dots does one row have?"),
        (numeric(), "Count one box first. What stays the same in every box?"),
        (single(), "Compare choice A with choice C first. What happens to the second term?"),
        (expression(), "The minus stands before $(2x-5)$. What does it do to $2x$?"),
    ],
)
def test_teaching_that_gives_nothing_away_is_left_alone(question: Question, told: str) -> None:
    events = heard(question, [told])
    assert [event.kind for event in events] == ["sentence", "sentence"]
    assert shown(events) == told


def test_a_model_that_leaks_twice_is_stopped() -> None:
    events = heard(numeric(), ["It is 12. ", "Yes indeed 12 eggs. ", "Now a harmless word."])
    assert [event.kind for event in events] == ["replaced", "replaced"]


@pytest.mark.parametrize("told", ["Yes, that is correct!", "你答对了。", "That's wrong.", "Exactly! Well done."])
def test_a_model_does_not_mark(told: str) -> None:
    (event, *_rest) = heard(numeric(), [told])
    assert (event.kind, event.data["why"]) == ("replaced", "verdict")


def test_once_answered_right_the_answer_may_be_spoken_of() -> None:
    told = "There are 12 eggs because each box holds four."
    assert shown(heard(numeric(), [told], still_open=False)) == told


@pytest.mark.parametrize("pieces", [[], [" ", "\n"], ["你应该先看看括号前面的符号，然后再想一想。"]])
def test_an_empty_answer_or_one_in_the_wrong_language_is_said_to_be_none(pieces: list[str]) -> None:
    events = heard(numeric(), pieces)
    assert [event.kind for event in events] == ["note"]
    assert "use the hint" in events[0].text


def test_a_model_that_repeats_itself_or_goes_on_and_on_is_stopped() -> None:
    assert len(heard(numeric(), ["Think about a box. "] * 9)) == 1
    colours = ("mint", "moss", "lime", "leaf", "jade", "sage", "pine", "teal")
    many = [f"Look at the box called {colour}. " for colour in colours]
    assert len(heard(numeric(), many)) == speaking.MAX_SENTENCES
