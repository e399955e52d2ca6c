"""Template filters: dates, names, headline clauses, both-language texts, rich text. Pure functions."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

import jinja2
from babel import dates
from markupsafe import Markup, escape

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.interface import Text
from shuyuan.web.glossary import Language, say

_CJK = re.compile(r"[\u3400-\u9fff]")
_CLAUSE_END = re.compile(r"(?<=[，；：、])")
_LOCALES = {"zh": "zh_Hans_CN", "en": "en_GB"}
_DAY = {"zh": "M 月 d 日 EEEE", "en": "EEEE d MMMM"}
_SHORT = {"zh": "M 月 d 日", "en": "d MMM"}
_MINUTE = {"zh": "M 月 d 日 HH:mm", "en": "d MMM HH:mm"}


@jinja2.pass_context
def say_text(context: jinja2.runtime.Context, text: Text | Mapping[str, str] | str | None) -> str:
    """The reader's language of a both-language text; the other one when it is missing."""
    language = _language(context)
    if text is None or isinstance(text, str):
        return text or ""
    if isinstance(text, Text):
        return text.of(language)
    return text.get(language) or next(iter(text.values()), "")


@jinja2.pass_context
def clauses(context: jinja2.runtime.Context, text: str) -> Markup:
    """A Chinese headline whose clauses are each kept whole, so that no line breaks inside a word."""
    if _language(context) != "zh":
        return escape(text)
    parts = [part for part in _CLAUSE_END.split(str(text)) if part]
    return Markup("").join(Markup('<span class="nb">{}</span>').format(part) for part in parts)


@jinja2.pass_context
def mid(context: jinja2.runtime.Context, text: Text | Mapping[str, str] | str | None) -> str:
    """A title inside a sentence: in English its first letter is small, unless it is an acronym."""
    said = str(say_text(context, text))
    if _language(context) == "en" and said[1:2].islower():
        return said[0].lower() + said[1:]
    return said


@jinja2.pass_context
def tongue(context: jinja2.runtime.Context, text: str) -> Markup:
    """Marks a Chinese name inside an English page with its language."""
    if _language(context) == "en" and _CJK.search(text):
        return Markup('<span lang="zh-CN">{}</span>').format(text)
    return escape(text)


@jinja2.pass_context
def day(context: jinja2.runtime.Context, when: datetime) -> str:
    """Thursday 19 November."""
    return _dated(context, when, _DAY)


@jinja2.pass_context
def short_day(context: jinja2.runtime.Context, when: datetime) -> str:
    """19 Nov."""
    return _dated(context, when, _SHORT)


@jinja2.pass_context
def minute(context: jinja2.runtime.Context, when: datetime) -> str:
    """19 Nov 10:42."""
    return _dated(context, when, _MINUTE)


@jinja2.pass_context
def clock(context: jinja2.runtime.Context, when: datetime) -> str:
    """10:42."""
    return _local(context, when).strftime("%H:%M")


@jinja2.pass_context
def ago(context: jinja2.runtime.Context, when: datetime) -> str:
    """Today, yesterday, 9 days ago."""
    days = (datetime.now(_zone(context)).date() - _local(context, when).date()).days
    if days <= 0:
        return say(_language(context), "when.today")
    if days == 1:
        return say(_language(context), "when.yesterday")
    return say(_language(context), "when.days_ago", n=days)


@jinja2.pass_context
def level_word(context: jinja2.runtime.Context, mastery: object) -> str:
    """The word of a level: every colour has one."""
    level = getattr(mastery, "level", mastery)
    if level is None:
        answers = getattr(mastery, "n", None)
        return say(_language(context), "level.none" if answers == 0 else "level.few")
    return say(_language(context), LEVELS[int(str(level)) - 1])


@jinja2.pass_context
def zone_name(context: jinja2.runtime.Context, when: datetime) -> str:
    """Asia/Shanghai, UTC+8: where the times of the page are told, as it is at `when`."""
    local = _local(context, when)
    place = str(getattr(local.tzinfo, "key", "") or local.tzname())
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    apart = f"{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"
    return f"{place}, UTC{apart}" if place != "UTC" else place


def percent(share: float | None) -> str:
    """52 %, or a dash where there is nothing to count."""
    return "–" if share is None else f"{round(share * 100)} %"


def md(markdown: str) -> Markup:
    """A text with paragraphs and mathematics: rendered and sanitised by courses."""
    return Markup(interface.html(markdown))  # sanitised there


def mdi(markdown: str) -> Markup:
    """The same for one line."""
    return Markup(interface.inline(markdown))  # sanitised there


LEVELS = ("level.l1", "level.l2", "level.l3", "level.l4", "level.l5")
ALL: dict[str, Callable[..., object]] = {
    "say": say_text,
    "mid": mid,
    "clauses": clauses,
    "tongue": tongue,
    "day": day,
    "short_day": short_day,
    "minute": minute,
    "clock": clock,
    "ago": ago,
    "level_word": level_word,
    "zone_name": zone_name,
    "percent": percent,
    "md": md,
    "mdi": mdi,
}


def _language(context: jinja2.runtime.Context) -> Language:
    return "en" if context["lang"] == "en" else "zh"


def _zone(context: jinja2.runtime.Context) -> tzinfo | None:
    zone = context.get("zone")
    return zone if isinstance(zone, tzinfo) else datetime.now().astimezone().tzinfo


def _local(context: jinja2.runtime.Context, when: datetime) -> datetime:
    """Where the school is."""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(_zone(context))


def _dated(context: jinja2.runtime.Context, when: datetime, patterns: Mapping[str, str]) -> str:
    language = _language(context)
    return dates.format_datetime(_local(context, when), patterns[language], locale=_LOCALES[language])
