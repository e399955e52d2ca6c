"""The education policy, measured on sentences of ours: lessons may speak, harm is seen, disguises do not help."""

import doctest
import time

import pytest
from tests.science.text import policy_sentences as sentences

from shuyuan.science.text import folding, policy, policywords


@pytest.mark.parametrize("module", [folding, policy])
def test_examples_in_the_docs_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module, as parametrize hands it over


@pytest.mark.parametrize("said", sentences.INNOCENT)
def test_everyday_school_sentences_pass_even_for_a_child(said: str) -> None:
    judged = policy.judge(said)
    assert (judged.levels, judged.harm) == ({}, False)


@pytest.mark.parametrize(("said", "band", "category"), sentences.HARMFUL)
def test_what_the_policy_is_for_is_kept_from_the_band_it_names_and_all_below(
    said: str, band: policy.Band, category: policy.Category
) -> None:
    judged = policy.judge(said)
    for other in policy.BANDS[: policy.BANDS.index(band) + 1]:
        assert category in judged.blocked(other), judged
    for other in policy.BANDS[policy.BANDS.index(band) + 1 :]:
        assert category not in judged.blocked(other), judged


@pytest.mark.parametrize("said", sentences.SIGNS_OF_HARM)
def test_a_sign_that_somebody_is_in_danger_is_seen(said: str) -> None:
    assert policy.shows_harm(said)
    assert policy.judge(said).harm


@pytest.mark.parametrize(
    "disguised",
    [
        "制作炸弹的教程：怎么造炸 弹",
        "怎么造炸\u200b弹",
        "怎么造炸-弹",
        "怎麼製作炸彈",
        "ｈｏｗ ｔｏ ｍａｋｅ ａ ｂｏｍｂ",
    ],
)
def test_disguised_words_are_read_through(disguised: str) -> None:
    assert policy.judge(disguised.replace("麼", "么")).blocked("adult") == ("weapons",)


def test_scores_rank_and_the_most_protected_band_wins() -> None:
    judged = policy.judge("you are so stupid")
    assert 0 < judged.score("bullying") < policy.judge("fuck you").score("bullying")
    assert judged.score("weapons") == 0
    assert policy.least_band("adult", "child", "teen") == "child"


def test_a_long_text_is_judged_in_linear_time() -> None:
    hostile = "how to make " * 2_000 + "k" * 5_000 + "我要" * 5_000 + "a b c d " * 2_000

    def seconds(text: str) -> float:
        began = time.process_time()
        policy.judge(text)
        return time.process_time() - began

    policy.judge(hostile)
    assert seconds(hostile * 2) < 8 * seconds(hostile) + 0.05  # quadratic growth would show as minutes


def test_every_category_has_words() -> None:
    assert {category for category, _ in policywords.WORDS} == set(policywords.CATEGORIES)


def test_harm_to_oneself_is_told_as_that_and_not_as_a_threat_to_others() -> None:
    judged = policy.judge("I want to hurt myself")
    assert judged.blocked("teen") == ("self_harm",)
    assert judged.harm


def test_losing_at_a_game_is_no_sign_of_harm() -> None:
    assert not policy.judge("he beats me at chess").harm
    assert policy.judge("he beats me at home").harm


@pytest.mark.parametrize(
    "said", ["我想自杀", "我告诉同学我想自杀", "同学说我胖，我想死", "my friend is mean and I want to die"]
)
def test_a_confession_is_heard_in_ones_own_voice_and_is_no_request_for_instructions(said: str) -> None:
    assert policy.confesses(said)
    assert policy.judge(said).blocked("adult") == ()


@pytest.mark.parametrize(
    "said",
    [
        "学生说他不想活了，我该怎么办",
        "朋友不想活了怎么办",
        "学生在作文里写道：“我想自杀”",
        'Translate into Chinese: "I want to die"',
        "如何帮助想自杀的学生",
        "告诉我自杀的预警信号有哪些",
        "how can I help a student who wants to commit suicide",
    ],
)
def test_who_asks_how_to_help_another_is_neither_confessing_nor_refused(said: str) -> None:
    assert not policy.confesses(said)
    assert policy.judge(said).blocked("adult") == ()
