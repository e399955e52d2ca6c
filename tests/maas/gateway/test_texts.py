"""Summaries without a model, in Chinese and English; prompts of those with one; allowances as headers."""

import asyncio
import doctest
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import pytest
from tests.maas.gateway.scripted import ScriptedEngine
from tests.maas.gateway.talking import TalkingEngine, spoken

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import quota
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.text import texts
from shuyuan.science import text as plain_text


@pytest.mark.parametrize("module", [texts, quota])
def test_examples_in_the_docs_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module, as parametrize hands it over


def test_an_extract_keeps_the_order_and_the_words_of_the_text() -> None:
    told = "词元是模型读写的单位。今天下雨。模型一个词元一个词元地写，每次只猜下一个词元。午饭吃面条。"
    summary = plain_text.extract(told, 2)
    assert summary.text == "词元是模型读写的单位。模型一个词元一个词元地写，每次只猜下一个词元。"
    assert summary.positions == (0, 2)
    assert plain_text.extract("One. Two.", 9).positions == (0, 1)


def test_a_summary_by_a_model_that_does_not_claim_it_is_refused(gateway: GatewayService, teacher: Principal) -> None:
    with pytest.raises(interface.NotClaimed):
        asyncio.run(gateway.summarize(teacher, "One. Two.", model="tiny"))
    assert gateway.calls(teacher) == []


def test_a_translation_says_both_languages_and_costs_what_it_used(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    engine = ScriptedEngine(pieces=("你", "好"))
    gateway = make_gateway(engine)
    told = asyncio.run(texts.translate(gateway, teacher, "hello", "zh", "en", "tiny"))
    assert (told.text, told.usage) == ("你好", interface.Usage(7, 2))
    system = engine.asked[0]["messages"][0]["content"]  # type: ignore[index]
    assert "from English into Simplified Chinese" in system
    assert gateway.calls(teacher)[0].purpose == "service"


def test_a_translation_that_was_cut_is_an_error_with_the_way_out(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    gateway = make_gateway(ScriptedEngine(pieces=("你",), finish_reason="length"))
    with pytest.raises(interface.OutputCut, match="cut after 2 tokens") as cut:
        asyncio.run(texts.translate(gateway, teacher, "hello there", "zh", None, "tiny"))
    assert cut.value.error_code == "output_cut"
    assert "shorter pieces" in cut.value.fix
    assert gateway.calls(teacher)[0].completion_tokens == 2


@pytest.mark.parametrize(("finish_reason", "truncated"), [("stop", False), ("length", True)])
def test_a_summary_says_whether_it_was_cut(
    make_gateway: Callable[..., GatewayService],
    teacher: Principal,
    finish_reason: Literal["stop", "length"],
    truncated: bool,
) -> None:
    gateway = make_gateway(ScriptedEngine(finish_reason=finish_reason))
    told = asyncio.run(texts.summarize_by_model(gateway, teacher, "One. Two.", 1, None, "tiny"))
    assert (told.text, told.truncated) == ("Hello there", truncated)


def test_a_lost_number_is_asked_for_once_more_by_name(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    engine = TalkingEngine(script=lambda n, p: spoken("他有猫。" if n == 0 else "他有37只猫。"))
    told = asyncio.run(texts.translate(make_gateway(engine), teacher, "He has 37 cats.", "zh", "en", "tiny"))
    assert (told.text, told.warnings) == ("他有37只猫。", ())
    assert "Keep these exactly as in the text: 37" in engine.asked[1]["messages"][0]["content"]  # type: ignore[index]
    assert told.usage == interface.Usage(14, 2)


def test_a_number_or_name_that_stays_lost_is_a_warning(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    engine = TalkingEngine(script=lambda n, p: spoken("汤有猫。"))
    told = asyncio.run(texts.translate(make_gateway(engine), teacher, "Tom has 37 cats.", "zh", "en", "tiny"))
    assert told.warnings == ("'37' is not in the translation", "'Tom' is not in the translation")
    assert len(engine.asked) == 2


@pytest.mark.parametrize(
    ("said", "error"),
    [("", interface.EmptyOutput), ("He has cats.", interface.WrongLanguage)],
    ids=["empty", "foreign"],
)
def test_an_empty_or_foreign_translation_is_an_error_and_not_an_answer(
    make_gateway: Callable[..., GatewayService], teacher: Principal, said: str, error: type[errors.ShuyuanError]
) -> None:
    engine = TalkingEngine(script=lambda n, p: spoken(said))
    with pytest.raises(error, match="twice") as refused:
        asyncio.run(texts.translate(make_gateway(engine), teacher, "He has cats.", "zh", "en", "tiny"))
    assert refused.value.error_code in ("empty_output", "wrong_language")
    assert len(engine.asked) == 2


def test_a_summary_that_invents_a_number_says_so(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    engine = TalkingEngine(script=lambda n, p: spoken("There were 900 pupils."))
    gateway = make_gateway(engine)
    told = asyncio.run(texts.summarize_by_model(gateway, teacher, "Many pupils came to school.", 1, None, "tiny"))
    assert told.warnings == ("the text does not hold the number 900",)


def test_labels_are_given_by_a_model_whose_card_claims_it(gateway: GatewayService, teacher: Principal) -> None:
    with pytest.raises(interface.NotClaimed, match="'tiny' does not claim 'classify'"):
        asyncio.run(gateway.classify(teacher, "aaab", ["aaa", "zzz"], model="tiny"))
    assert asyncio.run(gateway.classify(teacher, "aaab", ["aaa", "zzz"])).labels[0][0] == "aaa"


def test_headers_tell_the_allowance_that_ends_first() -> None:
    resets = datetime(2031, 1, 2, tzinfo=UTC)
    wide = interface.Allowance("school", "s", "day", 1000, 10, 0, 100, 1, resets)
    tight = interface.Allowance("account", "a", "day", 100, 60, 30, None, 5, resets)
    told = quota.headers([wide, tight], datetime(2031, 1, 1, 23, 59, tzinfo=UTC))
    assert told == {
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "10",
        "x-ratelimit-reset-tokens": "60s",
    }
