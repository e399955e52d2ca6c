"""The pure pieces: preferences, the map's geometry, answers in words, the QR code, the lock of fetched files."""

import base64
import hashlib
import io
import re
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import fetch_assets

from shuyuan.learning.courses.interface import Course, Key, Question, QuestionChoice, built_in, read_folder
from shuyuan.learning.tracing.interface import SOLID_LEVEL, Mastery
from shuyuan.web import answers, charts, forgetting, preferences, render
from shuyuan.web.pages import classmap, papers


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/x", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "", "learn"],
)
def test_going_back_never_leaves_this_server(address: str) -> None:
    assert preferences.safe_back(address) == "/"


def test_going_back_keeps_the_query() -> None:
    assert preferences.safe_back("/learn/point?id=a.b") == "/learn/point?id=a.b"


@pytest.fixture(scope="module", params=["year7-expressions", "large-models"])
def course(request: pytest.FixtureRequest) -> Course:
    return read_folder(built_in() / str(request.param)).course


@pytest.fixture(params=["zh", "en"])
def drawn(course: Course, request: pytest.FixtureRequest) -> charts.Map:
    mastery = {point.id: Mastery(point.id, 0.5, 0.5, 6, 3, 3, None) for point in course.points}
    return charts.mastery_map(charts.groups(course), mastery, course.points[-1].id, request.param)


def test_the_map_shows_every_topic_once_inside_its_frame(course: Course, drawn: charts.Map) -> None:
    assert sorted(node.point_id for node in drawn.nodes) == sorted(point.id for point in course.points)
    for node in drawn.nodes:
        assert 0 < node.x < node.x + node.width < drawn.width
        assert 0 < node.y < node.y + node.height < drawn.height


def test_no_two_boxes_of_the_map_touch(drawn: charts.Map) -> None:
    for a in drawn.nodes:
        for b in drawn.nodes:
            apart = abs(a.x - b.x) >= a.width or abs(a.y - b.y) >= a.height
            assert a is b or apart, f"{a.point_id} covers {b.point_id}"


def test_the_map_marks_one_next_and_the_arrows_that_lead_there(course: Course, drawn: charts.Map) -> None:
    assert [node.point_id for node in drawn.nodes if node.is_next] == [course.points[-1].id]
    assert sum(edge.to_next for edge in drawn.edges) == len(course.points[-1].requires)


def test_a_course_of_few_units_is_drawn_by_lessons(course: Course) -> None:
    assert len(course.units) < charts.FEWEST_COLUMNS
    assert len(charts.groups(course)) == len(course.lessons)


@given(st.text(min_size=1, max_size=60))
def test_a_name_takes_at_most_two_lines_and_stays_inside(name: str) -> None:
    lines = charts.wrap(name, 12)
    assert 1 <= len(lines) <= 2
    assert charts.width_em(lines[-1]) <= 12 or len(lines) == 1 or " " not in name


COMMON = {"item_id": "a.b", "course_id": "a", "seed": 1, "language": "en", "points": ("a.p",), "prompt": "?"}
EXPRESSION = Question(kind="expression", **COMMON)
MULTIPLE = Question(
    kind="multiple", choices=(QuestionChoice(id="a", text="$x+8$"), QuestionChoice(id="b", text="$x-8$")), **COMMON
)


def test_what_a_pupil_wrote_is_never_markup() -> None:
    assert "<" not in str(answers.said(EXPRESSION, "<script>alert(1)</script>")).replace("&lt;", "")
    assert "<" not in str(answers.said(None, "<b>x</b>")).replace("&lt;", "")


def test_an_expression_is_shown_as_people_write_it() -> None:
    said = str(answers.said(EXPRESSION, "-12*x - 3*(x+2)"))
    assert re.sub("<[^>]*>", "", said) == "−12x−3(x+2)"
    assert said.startswith("<math")
    assert "<msup><mi>x</mi><mrow><mn>2</mn></mrow></msup>" in str(answers.said(EXPRESSION, "2*x^2"))
    assert "<mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></msup>" in str(answers.said(EXPRESSION, "x**(n+1)"))
    assert "<mo>·</mo>" in str(answers.said(EXPRESSION, "2*3"))


@pytest.mark.parametrize("wrote", ["two x", "x^(2(n+1))", "$x$", "\\frac{1}{2}", "  ", ""])
def test_what_is_no_plain_formula_stays_as_it_was_written(wrote: str) -> None:
    assert str(answers.said(EXPRESSION, wrote)) == wrote


def test_the_mark_scheme_shows_a_formula_as_mathematics() -> None:
    asked = EXPRESSION.model_copy().with_key(Key(answer="-12*x - 24", says=()))
    assert re.sub("<[^>]*>", "", str(papers.keys_of(asked))) == "−12x−24"
    assert papers.keys_of(MULTIPLE.model_copy().with_key(Key(answer=("a", "b"), says=()))) == "A B"


def test_chosen_choices_are_shown_by_their_text() -> None:
    said = str(answers.said(MULTIPLE, "a,b"))
    assert said.count("<math") == 2


def test_the_qr_code_is_a_path_without_style() -> None:
    drawn = str(papers.qr("SY7K2M/1"))
    assert drawn.startswith("<svg")
    assert "style" not in drawn
    assert "<path" in drawn


def test_a_name_cannot_become_a_formula_in_the_spreadsheet() -> None:
    assert classmap._harmless("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert classmap._harmless("小宇") == "小宇"


def archive(folder: Path, name: str, body: bytes) -> Path:
    path = folder / "x.tgz"
    with tarfile.open(path, "w:gz") as packed:
        info = tarfile.TarInfo(name)
        info.size = len(body)
        packed.addfile(info, io.BytesIO(body))
    return path


def test_a_fetched_archive_must_be_the_one_of_the_lock(tmp_path: Path) -> None:
    path = archive(tmp_path, "package/dist/x.js", b"1")
    right = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    fetch_assets.check(path.read_bytes(), right)
    with pytest.raises(ValueError, match="nothing was installed"):
        fetch_assets.check(path.read_bytes() + b"!", right)
    with pytest.raises(ValueError, match="nothing was installed"):
        fetch_assets.check(
            path.read_bytes(), "md5-" + base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()
        )
    assert fetch_assets.member(path, "package/dist/x.js") == b"1"


def test_times_are_those_of_the_school_and_the_page_says_so() -> None:
    evening = datetime(2031, 5, 7, 17, 30, tzinfo=UTC)
    shown = render.templates().from_string("{{ at | minute }}, {{ at | clock }}, {{ at | zone_name }}")
    told = {
        zone: shown.render(lang="en", at=evening, zone=ZoneInfo(zone))
        for zone in ("Asia/Shanghai", "Asia/Kolkata", "America/New_York", "UTC")
    }
    assert told == {
        "Asia/Shanghai": "8 May 01:30, 01:30, Asia/Shanghai, UTC+8",
        "Asia/Kolkata": "7 May 23:00, 23:00, Asia/Kolkata, UTC+5:30",
        "America/New_York": "7 May 13:30, 13:30, America/New_York, UTC-4",
        "UTC": "7 May 17:30, 17:30, UTC",
    }


def remembered(level: int, *, p: float = 0.8, due: bool = False) -> Mastery:
    """Answered just now: nothing is forgotten yet."""
    last = datetime(2026, 3, 2, tzinfo=UTC)
    review = last + timedelta(days=-1 if due else 9) if level >= SOLID_LEVEL else None
    return Mastery("a.b", p, 0.1, 20, 8, level, last, due, 1.0, review, 9.0)


def test_a_curve_is_the_chance_of_knowing_it_and_only_of_what_is_solid() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert forgetting.curve(remembered(SOLID_LEVEL - 1), now) is None  # nothing there that could be forgotten
    sure, unsure = (forgetting.curve(remembered(SOLID_LEVEL, p=p), now) for p in (1.0, 0.6))
    assert sure is not None
    assert unsure is not None
    assert (sure.now_y, unsure.now_y > 30) == (0.0, True)  # remembered fully, and yet not known fully
    assert remembered(SOLID_LEVEL, p=0.6).p_now == 0.6


def test_all_that_is_due_is_listed_and_some_more_where_there_is_room() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    for due, later, listed in ((7, 2, 7), (1, 2, 3), (0, 9, forgetting.SHOWN)):
        topics = [(n, remembered(4, due=n < due)) for n in range(due + later)]
        assert len(forgetting.fading(topics, now)) == listed
