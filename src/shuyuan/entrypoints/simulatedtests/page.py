"""A simulation as one HTML file in one language: settings, figures, six plots, tables. Pure: findings in, text out."""

import hashlib
import html
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from shuyuan import web
from shuyuan.entrypoints.simulatedtests.findings import Band, Findings
from shuyuan.entrypoints.simulatedtests.plots import Field, Point
from shuyuan.entrypoints.simulatedtests.words import Language, say
from shuyuan.web import linecharts

_LANG = {"zh": "zh-CN", "en": "en"}
_MOST_DOTS = 1_000
_ENOUGH = 10  # people of a band, for a line through it
_SHARES = ("exposure_largest", "bank_used", "error_reached")


def render(found: Findings, language: Language) -> str:
    """The whole file: it asks nobody for anything."""
    style = _style()
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = say("title", language)
    body = "".join(
        (_head(found, language), _tiles(found, language), *_plots(found, language), *_tables(found, language))
    )
    return (
        f'<!doctype html><html lang="{_LANG[language]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body><main>{body}</main></body></html>"
    )


def figure(key: str, value: float) -> str:
    """A figure for people: shares in per cent.

    >>> figure("bank_used", 0.825), figure("bias", -0.0123), figure("items_median", 12.0)
    ('82.5 %', '-0.012', '12')
    """
    if key in _SHARES:
        return f"{100 * value:.1f} %"
    return f"{value:g}" if key == "items_median" else f"{value:.3f}"


def _style() -> str:
    """The colours and faces of the platform, and what this page does with them."""
    tokens = Path(web.__file__).with_name("static") / "tokens.css"
    return tokens.read_text("utf-8") + Path(__file__).with_name("style.css").read_text("utf-8")


def _head(found: Findings, language: Language) -> str:
    plan = found.plan
    source = html.escape(found.source or say("made_up", language))
    length = say("length.fixed" if plan.fixed else "length.is", language, least=str(plan.least), most=str(plan.longest))
    rows = [
        (say("bank", language), say("bank.is", language, source=source, n=f"{len(found.bank.items):,}")),
        (say("length", language), length),
        (say("error", language), f"{plan.error:g}"),
        (say("rule", language), say(f"rule.{plan.rule}", language)),
        (say("limit", language), figure("exposure_largest", plan.exposure)),
        (say("seed", language), str(plan.seed)),
    ]
    if plan.shares:
        rows.append((say("shares", language), html.escape(" · ".join(plan.shares))))
    told = "".join(f"<tr><th>{left}</th><td>{right}</td></tr>" for left, right in rows)
    about = say("about", language, people=f"{plan.examinees:,}")
    return f"<h1>{say('title', language)}</h1><p>{about}</p><table>{told}</table>"


def _tiles(found: Findings, language: Language) -> str:
    tiles = "".join(f"<li>{say(key, language)}<b>{figure(key, value)}</b></li>" for key, value in found.figures.items())
    seen = figure("exposure_largest", found.figures["exposure_largest"])
    note = f'<p class="note">{say("overseen", language, seen=seen)}</p>' if found.overseen else ""
    return f'<ul class="tiles">{tiles}</ul>{note}'


def _plots(found: Findings, language: Language) -> Iterator[str]:
    shown = str(min(_MOST_DOTS, found.plan.examinees))
    yield _plot("scatter", _scatter(found, language), language, shown=shown)
    yield _plot("by_error", _by_error(found, language), language)
    yield _plot("by_bias", _by_bias(found, language), language)
    yield _plot("lengths", _lengths(found, language), language)
    yield _plot("exposures", _exposures(found, language), language)
    yield _plot("steps", _steps(found, language), language)


def _plot(key: str, svg: str, language: Language, **values: str) -> str:
    caption = f"<figcaption>{say(f'{key}.about', language, **values)}</figcaption>"
    return f"<figure><h2>{say(key, language)}</h2>{svg}{caption}</figure>"


def _scatter(found: Findings, language: Language) -> str:
    points = list(zip(found.outcome.ability.tolist(), found.outcome.estimate.tolist(), strict=True))[:_MOST_DOTS]
    reach = max(abs(value) for point in points for value in point) * 1.05 or 1.0
    field = Field((-reach, reach), (-reach, reach), say("true", language), say("estimate", language))
    ideal = field.line([(-reach, -reach), (reach, reach)], "ideal")
    return field.svg(say("scatter", language), ideal, field.dots(points, 2.5, "faint"))


def _by_error(found: Findings, language: Language) -> str:
    rows = [(one, one.error) for one in found.bands]
    top = _top([0.0 if error is None else error for _, error in rows], found.plan.error)
    field = Field(_ends(found), (0.0, top), say("true", language), say("se", language))
    return field.svg(say("by_error", language), field.level(found.plan.error), *_banded(field, rows))


def _by_bias(found: Findings, language: Language) -> str:
    rows = [(one, one.bias) for one in found.bands]
    reach = _top([0.0 if bias is None else abs(bias) for _, bias in rows], 0.1)
    field = Field(_ends(found), (-reach, reach), say("true", language), say("bias", language))
    return field.svg(say("by_bias", language), field.level(0.0), *_banded(field, rows))


def _banded(field: Field, rows: Sequence[tuple[Band, float | None]]) -> tuple[str, ...]:
    """A line through the bands of enough people; the others are faint dots beside it."""
    many: list[Point | None] = []
    few: list[Point | None] = []
    for one, value in rows:
        point = None if value is None else ((one.low + one.high) / 2, value)
        many.append(point if one.people >= _ENOUGH else None)
        few.append(point if one.people < _ENOUGH else None)
    return field.line(many), field.dots(many), field.dots(few, kind="faint")


def _lengths(found: Findings, language: Language) -> str:
    counts = Counter(found.outcome.length.tolist())
    points = [(float(count), float(people)) for count, people in sorted(counts.items())]
    across = (0.0, found.plan.longest + 1.0)
    field = Field(
        across, (0.0, _top([height for _, height in points], 1.0)), say("questions", language), say("people", language)
    )
    return field.svg(say("lengths", language), field.bars(points, 1.0))


def _exposures(found: Findings, language: Language) -> str:
    shares = sorted(found.outcome.exposure.tolist(), reverse=True)
    up = (0.0, min(1.0, _top(shares, found.plan.exposure)))
    field = Field((0.0, float(len(shares))), up, say("rank", language), say("exposure", language))
    steps = [point for count, share in enumerate(shares) for point in ((count, share), (count + 1.0, share))]
    below = field.band([(0.0, 0.0), (float(len(shares)), 0.0)], steps)
    return field.svg(say("exposures", language), below, field.line(steps), field.level(found.plan.exposure))


def _steps(found: Findings, language: Language) -> str:
    steps = found.steps
    low, middle, high = ([(float(one[0]), one[at]) for one in steps] for at in (1, 2, 3))
    field = Field((0.0, float(found.plan.longest)), (0.0, 1.0), say("after", language), say("se", language))
    marks = (field.band(low, high), field.level(found.plan.error), field.line(middle))
    return field.svg(say("steps", language), *marks)


def _ends(found: Findings) -> Point:
    return found.bands[0].low, found.bands[-1].high


def _top(heights: Sequence[float], least: float) -> float:
    """A round end of an axis, at or above all heights and `least`."""
    return linecharts.nice(max([least, *heights]))


def _tables(found: Findings, language: Language) -> Iterator[str]:
    rows = [
        [f"{one.low:+.1f} – {one.high:+.1f}", f"{one.people:,}", _or_dash(one.error), _or_dash(one.bias)]
        for one in found.bands
    ]
    heads = [say(key, language) for key in ("from_to", "people", "se", "bias")]
    yield f"<h2>{say('bands', language)}</h2>{_table(heads, rows)}"
    if found.topics:
        rows = [
            [html.escape(one.name) or say("no_topic", language), f"{one.questions:,}", f"{100 * one.share:.1f} %"]
            for one in found.topics
        ]
        heads = [say(key, language) for key in ("topic", "in_bank", "asked")]
        yield f"<h2>{say('topics', language)}</h2>{_table(heads, rows)}"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are escaped already."""
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
