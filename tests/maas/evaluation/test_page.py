"""The report as a page: both languages, hostile labels, nothing fetched, nothing run."""

import html.parser
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shuyuan
from shuyuan.maas.evaluation.interface import (
    Confusion,
    Control,
    Example,
    Gap,
    Group,
    Interval,
    Latency,
    Report,
    Slice,
    Suspect,
)
from shuyuan.maas.evaluation.page import document, words
from shuyuan.maas.evaluation.page.escaping import safe

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u202e</style>{0}%s"
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li", "b", "small"),
    *("table", "thead", "tbody", "tr", "th", "td", "div", "figure", "figcaption"),
    *("svg", "text", "rect", "path", "circle", "polyline"),
}


class Seen(html.parser.HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def report(word: str = "plain") -> Report:
    """A report with everything in it, every word of the data being `word`."""
    return Report(
        id="r",
        school_id="s",
        subject=f"models:/{word}/1",
        data=f"data:/{word}/1",
        data_sha256="0" * 64,
        part="test",
        task=word,
        family="classification",
        rows=100,
        persons=40,
        test_readings=3,
        figures={"accuracy": 0.9, "auc": 0.8, f"subgroup_gap:{word}": 0.1, word: 1.0},
        intervals={"accuracy": Interval(low=0.8, high=0.95, by="person")},
        missing={"brier": "no_probabilities", word: word},
        slices=(Slice(where={word: word}, rows=30, error=0.4, overall=0.1, p_value=0.005),),
        slices_tested=12,
        groups=(
            Gap(
                column=word,
                figure="accuracy",
                groups=(
                    Group(value=word, rows=50, persons=20, figure=0.9, low=0.8, high=1.0),
                    Group(value=word, suppressed=True),
                ),
                gap=0.1,
                low=0.0,
                high=0.2,
                by_chance=0.05,
            ),
        ),
        confusion=Confusion(labels=(word, "b"), counts=((40, 5), (5, 50))),
        examples=(Example(row=3, label=word, prediction=word, confidence=0.99, values={word: word}),),
        control=Control(
            kind="inputs",
            figure="auc",
            value=0.5,
            chance=0.5,
            distance=0.0,
            suspects=(Suspect(column=word, score=1.0),),
            flagged=True,
        ),
        latency=Latency(p50_ms=1.0, p99_ms=2.0, rows_per_s=1000.0, calls=200, size_bytes=12345),
        folds={"accuracy": (0.9, 0.8, 0.85)},
        curves={
            "calibration": ((0.1, 0.2, 30.0), (0.9, 0.8, 70.0)),
            f"roc:{word}": ((0.0, 0.0), (0.5, 0.8), (1.0, 1.0)),
            "roc:b": ((0.0, 0.0), (1.0, 1.0)),
            "residuals": ((1.0, 0.5), (2.0, -0.5)),
        },
        created_by="a",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


@pytest.mark.parametrize("language", document.LANGUAGES)
def test_hostile_labels_become_text_that_can_only_be_read(language: words.Language) -> None:
    page = document.render(report(HOSTILE), language)
    seen = Seen(page)
    assert seen.tags <= TAGS
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("style", "href", "src")]
    assert page.count("<style>") == page.count("</style>") == 1
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_at_all_adds_no_tag(word: str) -> None:
    seen = Seen(document.render(report(word), "en"))
    assert seen.tags <= TAGS
    assert not {name for name, _ in seen.attributes} & {"onload", "onerror", "style", "href", "src"}


def test_a_page_fetches_nothing_and_says_so_itself() -> None:
    page = document.render(report(), "en")
    assert not re.search(r"https?:|url\(|@import|src=|href=", page)
    assert "script" not in Seen(page).tags
    assert "default-src 'none'" in page.partition("<style>")[0]


def test_the_policy_allows_the_style_that_is_in_the_file_and_no_other() -> None:
    page = document.render(report(), "zh").encode()
    assert document.policy(page) == document.policy()
    assert document.policy(page.replace(b"max-width: 960px", b"max-width: 961px")) != document.policy()


def test_both_languages_say_everything_in_their_own_words() -> None:
    zh, en = (document.render(report(), language) for language in ("zh", "en"))
    assert '<html lang="zh-CN">' in zh
    assert '<html lang="en">' in en
    body = en.partition("</head>")[2]
    assert not re.search(r"[\u4e00-\u9fff]", body)
    assert "打乱标签对照" in zh
    assert "已计入全部检查" in zh
    for key, (left, right) in words.WORDS.items():
        assert left, key
        assert right, key
        assert sorted(re.findall(r"{\w+}", left)) == sorted(re.findall(r"{\w+}", right)), key


def test_every_figure_and_reason_of_the_work_has_a_name() -> None:
    source = Path(str(shuyuan.__file__)).parent / "maas" / "evaluation" / "work"
    text = "".join(path.read_text("utf-8") for path in source.glob("*.py"))
    reasons = set(
        re.findall(r'"(no_(?:probabilities|model|control|groups|vectors|labels)|one_class|one_value|undefined)"', text)
    )
    assert len(reasons) > 6
    assert {f"missing.{one}" for one in reasons} <= words.WORDS.keys()
    for name in (
        "accuracy",
        "rmse",
        "ndcg_at_10",
        "chrf",
        "perplexity",
        "silhouette",
        "shuffled_distance",
        "size_bytes",
    ):
        assert f'"{name}"' in text
        assert f"name.{name}" in words.WORDS


def test_a_suppressed_group_shows_no_number() -> None:
    page = document.render(report(), "en")
    assert "too few, not shown" in page


def test_the_colours_are_those_of_the_platform() -> None:
    """One palette: what the report's style says of a colour is what web/static/tokens.css says."""
    package = Path(str(shuyuan.__file__)).parent
    ours = (package / "maas" / "evaluation" / "page" / "style.css").read_text("utf-8")
    theirs = (package / "web" / "static" / "tokens.css").read_text("utf-8")
    light, dark = ours.split("@media (prefers-color-scheme: dark)")
    their_light, their_dark = theirs.split('[data-theme="dark"]')
    assert _colours(light) <= _colours(their_light)
    assert _colours(dark.partition("* {")[0]) <= _colours(their_dark)
    assert len(_colours(light)) > 15


def test_a_report_and_its_json_are_the_same() -> None:
    whole = report()
    assert Report.model_validate_json(json.dumps(whole.model_dump(mode="json"))) == whole


def test_of_two_classes_it_says_which_one_the_figures_speak_of() -> None:
    two = report()
    assert two.of_class == json.loads(two.model_dump_json())["of_class"] == "b"
    assert "calibration error speak of “b”" in document.render(two, "en")
    assert "说的都是“b”这一类" in document.render(two, "zh")
    three = two.model_copy(update={"confusion": Confusion(labels=("a", "b", "c"), counts=((1, 0, 0),) * 3)})
    assert three.of_class is None
    assert "There are two classes" not in document.render(three, "en")


def test_long_words_are_cut() -> None:
    assert len(safe("x" * 500)) == 80


def _colours(css: str) -> set[tuple[str, str]]:
    found: Any = re.findall(r"--([a-z0-9-]+):\s*(#[0-9A-Fa-f]{6})", css)
    return set(found)


def test_a_share_of_mistakes_is_said_as_one_and_a_group_with_its_own_figure() -> None:
    worst = Slice(where={"town": "b"}, rows=167, error=0.617, overall=0.542, p_value=0.005)
    assert words.worse(worst, "classification", "en") == "wrong in 61.7 % of 167 rows, 54.2 % over all"
    assert "错误" in words.worse(worst, "classification", "zh")
    assert words.worse(worst, "regression", "en") == "mean error 0.617 in 167 rows, 0.542 over all"
    whole = document.render(report("b").model_copy(update={"slices": (worst,)}), "en")
    assert "61.7 %" in whole
    assert words.group(Group(value="b", rows=50, persons=20, figure=0.9), "en") == "b: 0.9 (20 persons, 50 rows)"
    assert words.group(Group(value="b", rows=50, figure=0.9), "zh") == "b：0.9（50 行）"
    assert words.group(Group(value="b", suppressed=True), "en") == "b: too few, not shown"
