"""Summaries and translations: by the text's own sentences, or by a model whose answer is checked before it is given.

Checked: that there is an answer, that it is in the language asked for, that numbers and names are those of the text. A
fault is asked about once more, by its name; an empty or foreign answer is then an error, a lost number a warning.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import checks, interface, models
from shuyuan.maas.gateway import desk as desks
from shuyuan.science import text as plain_text

_LANGUAGE = {"zh": "Simplified Chinese", "en": "English"}
_SUMMARISE_LAST = {  # small models follow what is said last
    "zh": "请用简体中文概括以上内容，最多{n}句。",
    "en": "Summarise the above in English, in at most {n} short sentence(s).",
}
_TITLE_LAST = {
    "zh": "请给以上内容拟一个简短的中文标题，只输出标题。",
    "en": "Give the above a short English title. Give the title only.",
}
_QUOTES = "\"'“”‘’《》「」 \n"
_MOST_WARNINGS = 5


@dataclass(frozen=True)
class _Asking:
    """Who asks which model, how long the answer may be, and for whom it is checked."""

    gateway: interface.Gateway
    principal: Principal
    model: str
    max_tokens: int
    age_band: interface.Band


@dataclass(frozen=True)
class _Said:
    """A model's whole answer. cut: it reached its limit before it was done."""

    text: str
    receipt: interface.Receipt
    usage: interface.Usage
    cut: bool


@dataclass(frozen=True)
class _Faults:
    """What is wrong with an answer. grave: it cannot be given at all."""

    grave: type[interface.EmptyOutput | interface.WrongLanguage] | None = None
    lost: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 100 * bool(self.grave) + len(self.lost)


async def summarize_by_extract(
    desk: desks.Desk, principal: Principal, text: str, sentences: int, style: interface.SummaryStyle
) -> interface.Summary:
    """The text's own words: its most central sentences, or its best clause as a title."""
    began = time.perf_counter()
    desk.admit(principal)
    checks.inputs([text])
    async with desk.booked(principal, models.EXTRACTIVE, "summarize", purpose="service", began=began) as call:
        chosen = await asyncio.to_thread(_extracted, text, sentences, style)
        call.note(interface.Usage(0))
    return interface.Summary(desks.receipt(call, models.EXTRACTIVE), chosen.text, "extractive", chosen.positions)


async def summarize_by_model(
    gateway: interface.Gateway,
    principal: Principal,
    text: str,
    sentences: int,
    language: interface.Language | None,
    model: str,
    style: interface.SummaryStyle = "sentences",
    *,
    age_band: interface.Band = "adult",
) -> interface.Summary:
    """A summary in the model's words, in `language` or that of the text. Raises EmptyOutput, WrongLanguage."""
    wanted = language or plain_text.language_of(text)
    asked = _summary_prompt(text, sentences, wanted, style)

    def faults(said: str) -> _Faults:
        grave = _grave(said, wanted, text)
        return _Faults(grave, () if grave else tuple(plain_text.invented_numbers(text, said)))

    room = 60 if style == "title" else 100 * sentences
    told, found = await _asked_twice(_Asking(gateway, principal, model, room, age_band), asked, faults)
    words = told.text.strip(_QUOTES).splitlines()[0] if style == "title" else told.text
    warnings = tuple(f"the text does not hold the number {number}" for number in found.lost[:_MOST_WARNINGS])
    return interface.Summary(told.receipt, words, "model", usage=told.usage, truncated=told.cut, warnings=warnings)


async def translate(
    gateway: interface.Gateway,
    principal: Principal,
    text: str,
    target: interface.Language,
    source: interface.Language | None,
    model: str,
    *,
    age_band: interface.Band = "adult",
) -> interface.Translation:
    """The text in the other language, whole. Raises OutputCut, EmptyOutput, WrongLanguage."""
    origin = f" from {_LANGUAGE[source]}" if source else ""
    system = f"Translate the user's text{origin} into {_LANGUAGE[target]}. Give the translation only."

    def faults(said: str) -> _Faults:
        grave = _grave(said, target, text)
        lost = () if grave else (*plain_text.lost_numbers(text, said), *plain_text.lost_names(text, said))
        return _Faults(grave, lost)

    room = min(2048, 64 + len(text.encode()))
    told, found = await _asked_twice(_Asking(gateway, principal, model, room, age_band), _turns(system, text), faults)
    if told.cut:
        raise interface.OutputCut(
            f"the translation of {len(text)} characters was cut after {told.usage.completion_tokens} tokens",
            fix="send the text in shorter pieces, a paragraph at a time",
        )
    warnings = tuple(f"{lost!r} is not in the translation" for lost in found.lost[:_MOST_WARNINGS])
    return interface.Translation(told.receipt, told.text, told.usage, warnings)


def _extracted(text: str, sentences: int, style: interface.SummaryStyle) -> plain_text.Extract:
    if style == "title":
        return plain_text.Extract(plain_text.title_of(text), ())
    return plain_text.extract(text, sentences)


def _summary_prompt(
    text: str, sentences: int, language: interface.Language | None, style: interface.SummaryStyle
) -> list[interface.Message]:
    told = f" Write in {_LANGUAGE[language]}." if language else " Write in the language of the text."
    if style == "title":
        last = _TITLE_LAST[language or "en"]
        return _turns(f"Give the user's text a short title.{told} Give the title only.", f"{text}\n\n{last}")
    asked = f"{text}\n\n{_SUMMARISE_LAST[language].format(n=sentences)}" if language else text
    return _turns(
        f"Summarise the user's text in at most {sentences} short sentences.{told} Give the summary only.", asked
    )


def _grave(
    said: str, language: interface.Language | None, source: str
) -> type[interface.EmptyOutput | interface.WrongLanguage] | None:
    if not said.strip():
        return interface.EmptyOutput
    if language and not plain_text.is_written_in(said, language, source):
        return interface.WrongLanguage
    return None


async def _asked_twice(
    asking: _Asking, turns: Sequence[interface.Message], faults: Callable[[str], _Faults]
) -> tuple[_Said, _Faults]:
    """The better of two answers; the second only when the first has faults, which it is told."""
    said = await _ask(asking, turns)
    found = faults(said.text)
    if found and not said.cut:
        again = await _ask(asking, _with_complaint(turns, found))
        second = faults(again.text)
        usage = _sum(said.usage, again.usage)
        said, found = (again, second) if len(second) < len(found) and not again.cut else (said, found)
        said = replace(said, usage=usage)
    if found.grave:
        raise found.grave(
            f"{asking.model} gave {'nothing' if found.grave is interface.EmptyOutput else 'another language'}, twice",
            fix="try a larger model, or a shorter and plainer text",
        )
    return said, found


def _with_complaint(turns: Sequence[interface.Message], found: _Faults) -> list[interface.Message]:
    if found.lost:
        complaint = f" Keep these exactly as in the text: {', '.join(found.lost[:_MOST_WARNINGS])}."
    else:
        complaint = " Answer in no other language, and never with nothing."
    first = turns[0]
    return [{"role": first["role"], "content": first["content"] + complaint}, *turns[1:]]


async def _ask(asking: _Asking, turns: Sequence[interface.Message]) -> _Said:
    request = interface.ChatRequest(
        asking.model, turns, max_tokens=asking.max_tokens, temperature=0.0, age_band=asking.age_band
    )
    words, usage, cut = "", interface.Usage(0), False
    async with asking.gateway.chat(asking.principal, request, purpose="service") as answer:
        async for delta in answer:
            words += delta.text
            usage, cut = delta.usage or usage, cut or delta.finish_reason == "length"
            if delta.finish_reason == "content_filter":
                raise interface.ContentPolicy(
                    f"what {asking.model} said of this text is kept from the age band {asking.age_band!r}",
                    fix="send another text",
                )
    return _Said(words.strip(), answer.receipt, usage, cut)


def _turns(system: str, text: str) -> list[interface.Message]:
    return [{"role": "system", "content": system}, {"role": "user", "content": text}]


def _sum(a: interface.Usage, b: interface.Usage) -> interface.Usage:
    return interface.Usage(a.prompt_tokens + b.prompt_tokens, a.completion_tokens + b.completion_tokens)
