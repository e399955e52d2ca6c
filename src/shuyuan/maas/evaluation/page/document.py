"""The report as one HTML file in one language. Pure: a Report in, text out."""

import functools
import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, stdev

from shuyuan.maas.evaluation.interface import MAIN_FIGURE, Gap, Report
from shuyuan.maas.evaluation.page import plots, words
from shuyuan.maas.evaluation.page.escaping import number, safe, size
from shuyuan.maas.evaluation.page.words import Language, name, say

LANGUAGES: tuple[Language, ...] = ("zh", "en")
_LANG = {"zh": "zh-CN", "en": "en"}
_TILES = {
    "classification": ("accuracy", "macro_f1", "auc", "calibration_error"),
    "regression": ("rmse", "mae", "r2"),
    "ranking": ("ndcg_at_10", "recall_at_10", "mrr"),
    "generation": ("chrf", "rouge_l", "bleu"),
    "language_model": ("perplexity", "nats_per_token"),
    "clustering": ("silhouette", "adjusted_rand", "clusters"),
    "reconstruction": ("reconstruction_error", "unusual_share", "auc"),
    "policy": ("mean_return", "gain", "baseline_return"),
}
_CELLS = 12  # columns of a row that are shown with an example


def render(report: Report, language: Language) -> str:
    """The whole file."""
    title = safe(f"{say('report', language)} · {report.subject}", 160)
    body = "".join(part for part in _parts(report, language) if part)
    return (
        f'<!doctype html><html lang="{_LANG[language]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{title}</title><style>{_style()}</style></head><body><main>{body}</main></body></html>"
    )


def policy(document: bytes | None = None) -> str:
    """What the file may do: nothing but use its one style sheet. document: a stored file, whose style may be older."""
    style = _style() if document is None else _style_of(document)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@functools.cache
def _style() -> str:
    return Path(__file__).with_name("style.css").read_text("utf-8")


def _style_of(document: bytes) -> str:
    return document.partition(b"<style>")[2].partition(b"</style>")[0].decode()


def _parts(report: Report, language: Language) -> Iterable[str]:
    yield _head(report, language)
    yield _tiles(report, language)
    yield _control(report, language)
    yield _figures(report, language)
    yield _slices(report, language)
    yield _groups(report, language)
    yield _pictures(report, language)
    yield _examples(report, language)
    yield _speed(report, language)
    yield _folds(report, language)
    yield f'<p class="quiet">{say("foot", language, sha=safe(report.data_sha256))}</p>'


def _head(report: Report, language: Language) -> str:
    part = say(f"part.{report.part}", language)
    lines = [
        (say("on", language), f"{safe(report.data, 200)} · {part}"),
        (say("task", language), safe(report.task)),
        (say("at", language), f"{report.created_at:%Y-%m-%d %H:%M} UTC"),
        (say("rows", language), number(report.rows)),
    ]
    if report.persons:
        lines.append((say("persons", language), number(report.persons)))
    told = "".join(f"<tr><th>{left}</th><td>{right}</td></tr>" for left, right in lines)
    readings = say("test_readings", language, n=str(report.test_readings)) if report.part == "test" else ""
    note = f'<p class="note wait">{readings}</p>' if readings else ""
    return f"<h1>{say('report', language)}</h1><p>{safe(report.subject, 200)}</p><table>{told}</table>{note}"


def _tiles(report: Report, language: Language) -> str:
    names = [one for one in _TILES[report.family] if one in report.figures] or [MAIN_FIGURE[report.family]]
    tiles = []
    for one in names:
        bounds = report.intervals.get(one)
        within = f"<small>{number(bounds.low, 3)} – {number(bounds.high, 3)}</small>" if bounds else ""
        tiles.append(f"<li>{name(one, language)}<b>{number(report.figures.get(one))}</b>{within}</li>")
    return f'<ul class="tiles">{"".join(tiles)}</ul>'


def _control(report: Report, language: Language) -> str:
    found = report.control
    if found is None:
        return ""
    told = f"<h2>{say('control', language)}</h2>"
    if found.kind == "none":
        return told + f"<p>{say('control.none', language)}</p>"
    values = {"figure": name(found.figure, language), "value": number(found.value), "chance": number(found.chance)}
    told += f"<p>{say(f'control.{found.kind}', language, **values)}</p>"
    for one in found.suspects:
        said = say("control.suspect", language, column=safe(one.column), score=f"{one.score:.1%}")
        told += f'<p class="note bad">{said}</p>'
    judged = "bad" if found.flagged else "good"
    return told + f'<p class="note {judged}">{say(f"control.{judged}", language)}</p>'


def _figures(report: Report, language: Language) -> str:
    rows = []
    for one, value in report.figures.items():
        bounds = report.intervals.get(one)
        within = f"{number(bounds.low)} – {number(bounds.high)}" if bounds else ""
        how = say(f"by.{bounds.by}", language) if bounds else ""
        rows.append([safe(name(one, language)), number(value), within, how])
    heads = [say(key, language) for key in ("figure", "value", "interval", "how")]
    told = f"<h2>{say('figures', language)}</h2>{_table(heads, rows, right={1})}"
    if report.of_class is not None:
        told += f"<p>{say('of_class', language, label=safe(report.of_class))}</p>"
    if report.missing:
        reasons = [
            [
                safe(name(one, language)),
                say(f"missing.{why}", language) if f"missing.{why}" in words.WORDS else safe(why),
            ]
            for one, why in report.missing.items()
        ]
        told += f"<h3>{say('not_computed', language)}</h3>"
        told += _table([say("figure", language), say("why", language)], reasons)
    return told


def _slices(report: Report, language: Language) -> str:
    if not report.slices_tested:
        return ""
    told = f"<h2>{say('slices', language)}</h2><p>{say('slices.about', language, n=str(report.slices_tested))}</p>"
    if not report.slices:
        return told + f'<p class="note good">{say("slices.none", language)}</p>'
    of_mistakes = report.family == "classification"
    rows = [
        [
            " · ".join(
                f"{safe(words.column(column, language))} = {safe(value)}" for column, value in one.where.items()
            ),
            number(one.rows),
            *(f"{100 * said:.1f} %" if of_mistakes else number(said) for said in (one.error, one.overall)),
            f"{one.p_value:.3f}",
        ]
        for one in report.slices
    ]
    heads = [say(key, language) for key in ("slice", "rows", "wrong" if of_mistakes else "error", "overall", "p")]
    return told + _table(heads, rows, right={1, 2, 3, 4})


def _groups(report: Report, language: Language) -> str:
    told = f"<h2>{say('groups', language)}</h2>"
    if not report.groups:
        return told + f"<p>{say('groups.none', language)}</p>"
    told += f"<p>{say('groups.about', language)}</p>"
    return told + "".join(_gap(one, language) for one in report.groups)


def _gap(gap: Gap, language: Language) -> str:
    title = f"{gap.column}: {name(gap.figure, language)}"
    picture = plots.groups(gap, title, say("suppressed", language))
    if gap.gap is None:
        said = ""
    else:
        ends = {"low": number(gap.low, 3), "high": number(gap.high, 3), "chance": number(gap.by_chance, 3)}
        said = say("gap", language, gap=number(gap.gap, 3), **ends)
    return f"<h3>{safe(title)}</h3><figure>{picture}<figcaption>{said}</figcaption></figure>"


def _pictures(report: Report, language: Language) -> str:
    told = ""
    if report.confusion is not None:
        about = say("confusion.about", language)
        if len(report.confusion.labels) > plots.MOST_CLASSES:
            about += " " + say("confusion.cut", language, n=str(plots.MOST_CLASSES))
        told += _picture("confusion", plots.confusion(report.confusion, say("confusion", language)), about, language)
    if points := report.curves.get("calibration"):
        told += _picture("calibration", plots.calibration(points, say("calibration", language)), "", language)
    if curves := [(key.partition(":")[2], points) for key, points in report.curves.items() if key.startswith("roc:")]:
        told += _picture("roc", plots.roc(curves, say("roc", language)), "", language)
    if points := report.curves.get("residuals"):
        told += _picture("residuals", plots.residuals(points, say("residuals", language)), "", language)
    return told


def _picture(key: str, svg: str, about: str, language: Language) -> str:
    caption = f"<figcaption>{about or say(f'{key}.about', language)}</figcaption>"
    return f'<h2>{say(key, language)}</h2><figure><div class="scroll">{svg}</div>{caption}</figure>'


def _examples(report: Report, language: Language) -> str:
    if report.confusion is None and not report.examples:
        return ""
    told = f"<h2>{say('examples', language)}</h2>"
    if not report.examples:
        return told + f"<p>{say('examples.none', language)}</p>"
    if report.examples[0].values is None:
        told += f"<p>{say('examples.personal', language)}</p>"
    rows = [
        [
            number(one.row),
            safe(one.label),
            safe(one.prediction),
            number(one.confidence, 3),
            " · ".join(f"{safe(key, 30)}: {safe(value)}" for key, value in [*(one.values or {}).items()][:_CELLS]),
        ]
        for one in report.examples
    ]
    heads = [say(key, language) for key in ("row", "truth", "said", "confidence", "content")]
    return told + _table(heads, rows, right={0, 3})


def _speed(report: Report, language: Language) -> str:
    found = report.latency
    if found is None:
        return ""
    values = {
        "calls": str(found.calls),
        "p50": number(found.p50_ms, 3),
        "p99": number(found.p99_ms, 3),
        "rows": number(round(found.rows_per_s)),
        "size": size(found.size_bytes),
    }
    return f"<h2>{say('speed', language)}</h2><p>{say('speed.about', language, **values)}</p>"


def _folds(report: Report, language: Language) -> str:
    if not report.folds:
        return ""
    most = max(len(values) for values in report.folds.values())
    heads = [say("figure", language), *(say("fold", language, n=str(n + 1)) for n in range(most))]
    heads += [say("mean", language), say("interval", language), say("spread", language)]
    rows = []
    for one, values in report.folds.items():
        bounds = report.intervals.get(f"cv_mean:{one}")
        cells = [*(number(value) for value in values), *[""] * (most - len(values))]
        within = f"{number(bounds.low, 3)} – {number(bounds.high, 3)}" if bounds else ""
        deviation = number(stdev(values)) if len(values) > 1 else ""
        rows.append([safe(name(one, language)), *cells, number(fmean(values)) if values else "", within, deviation])
    parts = say("folds.parts", language, parts=", ".join(say(f"part.{one}", language) for one in report.parts))
    about = f"<p>{say('folds.about', language)}{' ' + parts if report.parts else ''}</p>"
    return f"<h2>{say('folds', language)}</h2>{about}{_table(heads, rows, right=set(range(1, most + 4)))}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: set[int] | None = None) -> str:
    """Cells must be escaped already. right: columns of numbers."""
    kind = [' class="n"' if at in (right or set()) else "" for at in range(len(heads))]
    head = "".join(f"<th{kind[at]}>{one}</th>" for at, one in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(f"<td{kind[at]}>{cell}</td>" for at, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
