"""Sentences, titles, keywords and tone taken from a text itself; numbers and names that must not be lost."""

import doctest

import pytest

from shuyuan.science.text import (
    extract,
    extracting,
    faithful,
    invented_numbers,
    is_written_in,
    keywords,
    languages,
    lost_names,
    lost_numbers,
    schemas,
    sentiment,
    stem,
    stemming,
    title_of,
    titles,
)


@pytest.mark.parametrize(
    "module",
    [extracting, faithful, keywords, languages, schemas, sentiment, stemming, titles],
    ids=lambda m: m.__name__,
)
def test_examples_in_the_docs_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module, as parametrize hands it over


def test_the_sentence_that_announces_the_point_is_the_summary() -> None:
    text = (
        "Deep networks are used in many fields today. Training them takes long. We propose a method that makes the "
        "training of deep networks faster by skipping easy examples. Experiments on three data sets are reported."
    )
    assert extract(text, 1).positions == (2,)


def test_further_sentences_add_something_instead_of_saying_it_again() -> None:
    text = (
        "The heart pumps blood through the body. The heart pumps blood through the whole body. "
        "The lungs fill the blood with oxygen from the air."
    )
    assert extract(text, 2).positions in ((0, 2), (1, 2))
    assert extract("", 3).positions == ()


def test_a_title_in_english_leaves_the_opening_out() -> None:
    text = "Maps help us. In this paper, we propose a simple way to draw maps of rivers. Rivers on maps bend."
    assert title_of(text) == "A simple way to draw maps of rivers"


def test_stems_follow_porter() -> None:
    words = {
        "generalizations": "gener", "oscillators": "oscil", "rate": "rate", "roll": "roll", "happy": "happi",
        "hopeful": "hope", "sensibiliti": "sensibl", "agreed": "agre", "plastered": "plaster", "motoring": "motor",
        "conflated": "conflat", "falling": "fall", "filing": "file", "relational": "relat", "vietnamization": "vietnam",
    }  # fmt: skip
    assert {word: stem(word) for word in words} == words


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("He has 3 cats.", "他有三只猫。"),
        ("It is 50% off.", "打五折，便宜百分之五十。"),
        ("The war began on March 5, 1998.", "战争开始于1998年3月5日。"),
        ("We meet at 8:30.", "我们八点半见。"),
        ("About 1,200 people came.", "来了大约一千二百人。"),
        ("两百个学生", "two hundred pupils"),
        ("The 21st century", "二十一世纪"),
    ],
)
def test_a_number_may_be_written_in_another_way(source: str, said: str) -> None:
    assert lost_numbers(source, said) == []


@pytest.mark.parametrize(
    ("source", "said", "lost"),
    [
        ("He has 37 cats.", "他有三只猫。", ["37"]),
        ("12 of 40 pupils", "四十名学生", ["12"]),
        ("一共三百二十元", "It costs 32 yuan.", ["三百二十"]),
    ],
)
def test_a_number_that_is_not_there_is_found(source: str, said: str, lost: list[str]) -> None:
    assert lost_numbers(source, said) == lost
    assert invented_numbers(said, source) == lost


def test_names_and_what_no_language_changes_are_looked_for() -> None:
    assert lost_names("Tom lives in Boston.", "汤姆住在波士顿。") == []
    assert lost_names("Tom lives in Boston.", "汤住在波士顿。") == ["Tom"]
    assert lost_names("汤姆来了", "Tom came.") == []
    assert lost_names("Write to a@b.org about H2O.", "写信给 a@b.org。") == ["H2O"]


@pytest.mark.parametrize(
    ("text", "language", "source", "fits"),
    [
        ("你好", "zh", "hello", True),
        ("Hello", "zh", "hello", False),
        ("", "zh", "hello", False),
        ("The cat 猫 sleeps on the mat", "en", "猫", True),
        ("猫在睡觉", "en", "猫在睡觉", False),
        ("NASA", "zh", "NASA", True),
        ("2 + 3 = 5", "en", "2 + 3 = 5", True),
    ],
)
def test_an_answer_is_in_the_language_that_was_asked_for(
    text: str, language: languages.Language, source: str, fits: bool
) -> None:
    assert is_written_in(text, language, source) is fits


OPINIONS = (
    ("The explanation was very clear and the examples helped me.", "positive"),
    ("I love this course, thank you!", "positive"),
    ("A wonderful teacher, kind and patient.", "positive"),
    ("Not bad at all.", "positive"),
    ("The videos are too long and boring.", "negative"),
    ("I am frustrated because the app crashed twice.", "negative"),
    ("This chapter is confusing.", "negative"),
    ("It was not helpful.", "negative"),
    ("The sound was good, but the pictures were terrible.", "negative"),
    ("The lesson starts at nine in room 12.", "neutral"),
    ("Water boils at one hundred degrees.", "neutral"),
    ("老师讲得非常清楚，收获很大！", "positive"),
    ("这节课很有趣，我很喜欢。", "positive"),
    ("内容实用，推荐给大家。", "positive"),
    ("太无聊了，根本听不懂。", "negative"),
    ("作业太难，我快崩溃了。", "negative"),
    ("一点也不清楚，很失望。", "negative"),
    ("声音不错，但是画面太差了。", "negative"),
    ("下周三上午九点考试。", "neutral"),
    ("三角形的内角和是180度。", "neutral"),
)


def test_tone_agrees_with_us_on_nine_of_ten_opinions() -> None:
    right = sum(sentiment.tone(text)[0] == label for text, label in OPINIONS)
    assert right >= 0.9 * len(OPINIONS), [text for text, label in OPINIONS if sentiment.tone(text)[0] != label]


def test_schemas_that_cost_too_much_are_refused_by_place() -> None:
    often: dict[str, object] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 5} for n in range(6)}
    bomb = {"$ref": "#/$defs/d0", "$defs": {**often, "d6": {"type": "string"}}}
    with pytest.raises(schemas.BadSchema, match="expands to more than"):
        schemas.check(bomb)
    with pytest.raises(schemas.BadSchema, match="keyword 'if' is not supported"):
        schemas.check({"if": {}})
    with pytest.raises(schemas.BadSchema, match="is not defined"):
        schemas.check({"$ref": "#/$defs/missing"})
    with pytest.raises(schemas.BadSchema, match="not supported; point to"):
        schemas.check({"$ref": "http://example.org/schema"})
    schemas.check({"type": "object", "properties": {"not": {"type": "string"}}, "additionalProperties": False})


def test_a_keyword_is_a_term_and_no_clause_with_a_verb_in_the_middle() -> None:
    text = "Photosynthesis turns light into sugar. Green plants absorb light. Human rights law protects people."
    found = [word for word, _ in keywords.keywords(text, 10)]
    assert "human rights law" in found
    assert not [word for word in found if {"turns", "absorb", "protects"} & set(word.split())]
