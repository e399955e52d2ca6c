"""The loop's page: lineage, figures beside limits, the refused branch, turn and roll back."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from fastapi.testclient import TestClient
from tests.web import checks, schools
from tests.web.conftest import Site

from shuyuan import compose
from shuyuan.identity.interface import Principal
from shuyuan.kernel import db, errors
from shuyuan.learning.improvement import keptstore, store, watchstore
from shuyuan.learning.improvement.interface import TURNING, Condition, State, TracerVersion, Trial, Watch
from shuyuan.learning.improvement.service import ImprovementService
from shuyuan.maas.catalogue.interface import LocalText, NewVersion
from shuyuan.science.tracing import online
from shuyuan.web import glossary
from shuyuan.web.pages import loop

Demo = tuple[schools.Office, dict[str, TestClient]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with schools.demonstration(tmp_path_factory.mktemp("loop") / "home", starter="none") as made:
        yield made


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page waits until a version is in use with all its states, however busy this machine is."""
    monkeypatch.setattr(loop, "PATIENCE_S", 60.0)


def turned(number: int, state: State) -> TracerVersion:
    return TracerVersion(
        f"v{number}",
        number,
        f"models:/tracer/{number}",
        state,
        500,
        9,
        0,
        "0" * 64,
        "prior-1",
        {},
        (Condition("auc", 0.6, 0.5, ">="),),
        "gate",
        "system",
        0.5,
        datetime(2031, 5, 7, tzinfo=UTC),
    )


def versions(office: schools.Office) -> list[TracerVersion]:
    """Newest first."""
    admin = Principal("system", office.platform.get("identity").schools()[0].id, "admin")
    found: list[TracerVersion] = office.platform.get("improvement").versions(admin)
    return found


def new_questions(office: schools.Office, met: frozenset[str]) -> int:
    """How many questions of the school's courses there are beside those that were met."""
    courses, school_id = office.platform.get("courses"), office.platform.get("identity").schools()[0].id
    points = [one.id for course in courses.courses(school_id) for one in courses.graph(school_id, course.id).points]
    return len({item for point in points for item in courses.items_of_point(school_id, point)} - met)


def refuse_one(platform: compose.Platform, bias: float = 0.0) -> TracerVersion:
    """A turn of a fit that learnt the opposite: the gate refuses it."""

    def backwards(table: online.Interactions, *, seed: int) -> online.Params:
        fitted = online.fit(replace(table, correct=~table.correct), seed=seed)
        return replace(fitted, bias=fitted.bias + bias)

    parts = {name: platform.get(name) for name in compose.PARTS["improvement"].needs}
    school_id = platform.get("identity").schools()[0].id
    return ImprovementService(**parts, fit=backwards).turn(school_id, by="system")


def test_a_school_without_turns_says_what_it_takes_and_too_few_answers_are_no_error(tmp_path: Path) -> None:
    with schools.empty(tmp_path / "home", starter="none") as office:
        page = office.admin.get("/loop").text
        checks.is_sound(page, "en")
        assert "From 400 answers of 8 consenting learners on" in page
        assert "It turns by itself at 200" in page
        page = settled(office.admin, office.admin.post("/loop/turn").headers["location"])
        assert "Not enough yet: it takes 400 answers of 8 consenting learners" in page
        assert office.admin.post("/admin/nightly/warning").headers["location"] == "/admin/models#nightly"
        lines = settled(office.admin, "/admin/nightly")
    assert "There was too little to learn from" in lines
    assert 'href="/warning"' in lines, "how much it takes"
    assert 'action="/admin/nightly/warning"' in lines, "nothing was fitted: it may be asked for again"


def test_turn_shows_the_whole_lineage_with_figures_beside_limits(demo: Demo) -> None:
    office, adults = demo
    before = len(versions(office))
    page = settled(adults["admin"], adults["admin"].post("/loop/turn").headers["location"])
    checks.is_sound(page, "en")
    version = versions(office)[0]
    assert len(versions(office)) == before + 1
    used = next(one for one in versions(office) if one.state == "champion")
    told = f"{used.answers:,} answers of {used.learners} learners became version {used.number}"
    assert told in adults["admin"].get("/loop").text
    assert f"{used.left_out} did not consent: left out" in page
    for condition in version.conditions:
        assert f"{condition.figure:.3f}" in page
        assert f"{'≤' if condition.comparison == '<=' else '≥'} {condition.limit:.3f}" in page
    outcomes = {"champion": "is in use", "canary": "it passed its check and is on trial now"}
    assert outcomes.get(version.state, "it did not pass its check") in page
    assert "32 learners" in page
    assert version.id[-6:] in adults["admin"].get("/admin/audit?kind=tracer").text


def test_a_refused_branch_stays_visible_and_may_be_used_with_a_reason_only(demo: Demo) -> None:
    office, adults = demo
    refused = refuse_one(office.platform)
    assert refused.state == "refused"
    page = adults["admin"].get(f"/loop?version={refused.id}").text
    checks.is_sound(page, "en")
    used = next(one for one in versions(office) if one.state == "champion")
    assert f"Run {refused.number} did not pass its check" in page, "what one came for"
    assert f'href="#v{used.number}">tracer {used.number}</a>' in page, "the version in use keeps the main line"
    assert f"Run {refused.number} stops here" in page
    assert 'class="bad"' in page
    use = f"/loop/versions/{refused.id}/use"
    assert f'action="{use}"' in page
    silent = adults["admin"].post(use, data={"reason": " "})
    assert silent.status_code == 400
    assert "no reason was given" in silent.text
    back = adults["admin"].post(use, data={"reason": "A trial in the science room"})
    page = adults["admin"].get(back.headers["location"]).text
    assert "A trial in the science room" in page
    assert "This version is in use now" in page
    assert next(one for one in versions(office) if one.id == used.id).state == "retired"
    adults["admin"].post(f"/loop/versions/{used.id}/use", data={"reason": "Back to the one we know"})
    assert f"In use: tracer {used.number}." in adults["admin"].get("/loop").text


def test_the_built_in_tracer_is_a_row_with_a_way_back_to_it(demo: Demo) -> None:
    office, adults = demo
    used = next(one for one in versions(office) if one.state == "champion")
    page = adults["admin"].get("/loop").text
    assert "What every school starts with" in page
    assert f"Since tracer {used.number} came into use, nobody has looked yet" in page
    assert "95 % interval" in page, "of the AUC, beside its limit"
    use = "/loop/versions/prior-1/use"
    assert f'action="{use}"' in page
    assert adults["admin"].post(use, data={"reason": " "}).status_code == 400
    page = adults["admin"].get(adults["admin"].post(use, data={"reason": "A doubt"}).headers["location"]).text
    checks.is_sound(page, "en")
    assert f"The built-in tracer is in use again; version {used.number} was before" in page
    assert "see their next step by another version now" in page
    assert "Why the school went back to it: A doubt" in page
    questions = new_questions(office, frozenset())
    assert f"{questions:,} questions of the courses are new to the version in use" in page, "it learnt from no answers"
    assert "Each counts as an average one of its topic" in page
    assert "In use: the built-in tracer." in page
    assert "The built-in tracer has no report to be held against." in page
    assert f'action="{use}"' not in page
    back = adults["admin"].post(f"/loop/versions/{used.id}/use", data={"reason": "The doubt is gone"})
    page = adults["admin"].get(back.headers["location"]).text
    assert "before it: the built-in tracer, kept for roll-back" in page


def test_turning_with_nothing_new_adds_no_version(demo: Demo) -> None:
    office, adults = demo
    before = len(versions(office))
    page = settled(adults["admin"], adults["admin"].post("/loop/turn").headers["location"])
    assert "Nothing new to learn from" in page
    assert len(versions(office)) == before


def test_what_was_never_fitted_at_night_is_done_when_an_administrator_asks(demo: Demo) -> None:
    _, adults = demo
    page = adults["admin"].get("/admin/models").text
    checks.is_sound(page, "en")
    assert 'action="/admin/nightly/questions"' in page
    assert adults["developer"].post("/admin/nightly/questions").status_code == 403
    assert adults["admin"].post("/admin/nightly/zz").status_code == 404
    adults["admin"].post("/admin/nightly/questions")
    page = settled(adults["admin"], "/admin/nightly")
    assert 'action="/admin/nightly/questions"' not in page
    assert ">Done<" in page
    assert 'action="/admin/nightly/warning"' in page


def settled(browser: TestClient, path: str) -> str:
    """The page once it no longer asks again by itself: nothing is under way."""
    end = time.monotonic() + 60
    while "hx-trigger" in (page := str(browser.get(path).text)):
        assert time.monotonic() < end, page
        time.sleep(0.02)
    return page


def test_what_is_under_way_is_seen_begins_no_second_time_and_says_why_it_failed(demo: Demo) -> None:
    office, adults = demo
    admin, model, asked, going = adults["admin"], office.platform.get("outlook_model"), list[str](), threading.Event()

    def late(job: object) -> None:
        asked.append("once")
        assert going.wait(60)
        raise errors.Unavailable("learning took more than 900 s", fix="try when there is less to do")

    model._train = late
    for _ in range(2):
        assert admin.post("/admin/nightly/outlook").status_code == 303
    page = admin.get("/admin/models").text
    checks.is_sound(page, "en")
    assert "under way since" in page
    assert 'hx-get="/admin/nightly"' in page
    assert " disabled>Do it now" in admin.get("/admin/nightly").text
    assert adults["developer"].get("/admin/nightly").status_code == 403
    going.set()
    page = settled(admin, "/admin/nightly")
    assert asked == ["once"]
    assert "learning took more than 900 s → try when there is less to do" in page
    assert 'action="/admin/nightly/outlook"' in page
    model._train = lambda job: None
    admin.post("/admin/nightly/outlook")
    assert "There was too little to learn from, so there is no new version" in settled(admin, "/admin/nightly")
    refused_outlook(office)
    page = admin.get("/admin/nightly").text
    assert "Not in use: it did not pass its own check" in page
    assert "goes on learning · Log loss 0.700 &gt; 0.650" in page
    assert admin.get(re.findall(r'href="(/workshop/models/outlook[^"]+)"', page)[0]).status_code == 200


def refused_outlook(office: schools.Office) -> None:
    """A version of the estimates for teachers whose only head did not pass."""
    storage, school_id = office.platform.get("storage"), office.platform.get("identity").schools()[0].id
    failed = {"head": "keeps_at_it", "name": "log_loss", "figure": 0.7, "limit": 0.65, "passed": False}
    new = NewVersion(
        model="outlook",
        runner="outlook",
        artefact_sha256=storage.put(b"nothing was kept"),
        size_bytes=16,
        card=LocalText(zh="测试", en="A test"),
        spec={"conditions": [failed], "heads": []},
    )

    def work(uow: db.UnitOfWork) -> None:
        office.platform.get("catalogue").register_version(uow, school_id=school_id, actor_id="system", version=new)

    office.platform.get("db").write(work)


def test_a_turn_under_way_is_seen_is_followed_to_its_end_and_begins_no_second_time(demo: Demo) -> None:
    office, adults = demo
    admin, loop_, errands = adults["admin"], office.platform.get("improvement"), office.platform.get("errands")
    school_id, asks = office.platform.get("identity").schools()[0].id, {"hx-request": "true"}
    fits, seen, going = loop_._refit, list[object](), threading.Event()

    def refit(table: online.Interactions, *, seed: int) -> online.Params:
        seen.append(errands.since(TURNING, school_id))
        assert going.wait(60)
        raise errors.Unavailable("the disk is full", fix="free some space")

    loop_._refit = refit
    try:
        assert admin.post("/loop/turn").headers["location"] == loop.TURNED
        page = admin.get(loop.TURNED).text
        checks.is_sound(page, "en")
        assert "Fitting, judging, checking: under way since" in page
        assert " disabled>Turn now" in page
        assert admin.get("/loop?asks=turn", headers=asks).status_code == 204
        twice = admin.get(admin.post("/loop/turn").headers["location"]).text
        assert "no second one has begun" in twice
        going.set()
        assert "the disk is full → free some space" in settled(admin, loop.TURNED)
        assert admin.get("/loop?asks=turn", headers=asks).headers["hx-redirect"] == loop.TURNED
    finally:
        loop_._refit = fits
    assert len(seen) == 1
    assert None not in seen, "the loop is known to be at work while it fits"


def test_going_back_answers_at_once_while_every_state_is_made_anew(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    office, adults = demo
    tracing, admin = office.platform.get("tracing"), adults["admin"]
    rebuild, begun, going = tracing.rebuild, threading.Event(), threading.Event()

    def slow(school_id: str) -> int:
        begun.set()
        assert going.wait(60)
        return int(rebuild(school_id))

    monkeypatch.setattr(tracing, "rebuild", slow)
    monkeypatch.setattr(loop, "PATIENCE_S", 0.0)
    used = next(one for one in versions(office) if one.state == "champion")
    where = admin.post("/loop/versions/prior-1/use", data={"reason": "A doubt"}).headers["location"]
    assert begun.wait(60)
    page = admin.get(where).text
    checks.is_sound(page, "en")
    assert "being worked out anew with it, since" in page
    assert "In use: the built-in tracer." in page
    back = admin.post(f"/loop/versions/{used.id}/use", data={"reason": "No doubt"}).headers["location"]
    assert "no second one has begun" in admin.get(back).text
    going.set()
    assert "This version is in use now" in settled(admin, where)
    settled(admin, admin.post(f"/loop/versions/{used.id}/use", data={"reason": "No doubt"}).headers["location"])


def planted(office: schools.Office) -> TracerVersion:
    """One version on trial, a look at the one in use with a figure past its limit, and its alarm; the answers kept with
    the one in use are deleted."""
    database, school_id = office.platform.get("db"), office.platform.get("identity").schools()[0].id
    made = refuse_one(office.platform, bias=-0.5)
    at = datetime(2031, 5, 7, tzinfo=UTC)
    trial = Trial(at, 6, 120, 5, 200, at, 0.512, 0.534, -0.022, -0.041, -0.003, 0.02)
    used = next(one for one in versions(office) if one.state == "champion")
    failing, kept = Condition("live_log_loss", 0.701, 0.655, "<="), Condition("live_population", 0.04, 0.25, "<=")
    watch = Watch(used.version, at, 250, 31, at, (failing, kept))

    def work(uow: db.UnitOfWork) -> None:
        store.change(uow, school_id, made.id, state="canary", canary=store.trial_row(trial))
        watchstore.keep(uow, school_id, watch)
        watchstore.raised(uow, school_id, watch)
        keptstore.note(uow, school_id, used.data_sha256, [])
        assert keptstore.note_deleted(uow, school_id, used.data_sha256, uow.now)

    database.write(work)
    return made


def test_a_trial_and_an_alarm_are_shown_with_their_numbers_in_both_languages_until_somebody_has_seen_it(
    demo: Demo,
) -> None:
    office, adults = demo
    tried = planted(office)
    number = next(one.number for one in versions(office) if one.state == "champion")
    told = {
        "en": ("On trial: tracer", "120 of 200 answers", "-0.022 (95 % interval -0.041 to -0.003)", "It got worse"),
        "zh": ("试用：学情追踪", "120 / 200 次作答", "-0.022（95 % 区间 -0.041 至 -0.003）", "变差了"),
    }
    for language, words in told.items():
        adults["admin"].cookies.set("lang", language)
        page = adults["admin"].get("/loop").text
        checks.is_sound(page, language)
        for word in words:
            assert word in page, (language, word)
        assert "0.701" in page
        assert "≤ 0.655" in page
        assert {"en": "were deleted on", "zh": "拟合所用的作答已于"}[language] in page
        assert f"{number}" in page
        home = adults["admin"].get("/admin").text
        checks.is_sound(home, language)
        assert words[-1] in home
    adults["admin"].cookies.set("lang", "en")
    assert f"tracer {tried.number}" in adults["developer"].get("/loop").text
    assert "/seen" not in adults["developer"].get("/loop").text
    action = re.findall(r'action="(/loop/alarms/[^"]+/seen)"', home)[0]
    assert adults["developer"].post(action).status_code == 403
    page = adults["admin"].get(adults["admin"].post(action).headers["location"]).text
    assert "somebody has seen this alarm" in page
    assert "limit 0.655" in page, "it stays on the page of the loop"
    assert "It got worse" not in adults["admin"].get("/admin").text


def test_a_turn_that_ends_a_trial_says_so_before_and_after(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    office, adults = demo
    admin, loop_, database = adults["admin"], office.platform.get("improvement"), office.platform.get("db")
    school_id = office.platform.get("identity").schools()[0].id
    tried = next(one for one in versions(office) if one.state == "canary")
    made = next(one for one in versions(office) if one.state not in ("champion", "canary"))
    before = f"Tracer {tried.number} is on trial (120 of 200 answers). A turn now that passes its check takes its place"
    assert before in admin.get("/loop").text
    assert before not in adults["developer"].get("/loop").text
    figures = {**made.figures, "new_item_helps": 1.0, "new_item_guessed": 12.0, "new_item_by_meaning": 0.0}

    def turn(school: str, *, by: str) -> TracerVersion:
        def work(uow: db.UnitOfWork) -> None:
            assert tried.canary is not None
            store.withdraw(uow, school, store.CHANGED)
            row = store.trial_row(replace(tried.canary, answers=0))
            store.change(uow, school, made.id, state="canary", canary=row, figures=figures)

        database.write(work)
        return next(one for one in versions(office) if one.id == made.id)

    monkeypatch.setattr(loop_, "turn", turn)
    page = settled(admin, admin.post("/loop/turn").headers["location"])
    checks.is_sound(page, "en")
    assert f"The trial of tracer {tried.number} ended by it, at 120 of 200 answers" in page
    assert f"Version {made.number} passed its check and is on trial; no learner meets it yet" in page
    assert "Once it is in use, 12 new questions will be guessed this way" in page
    assert "This version was made without the search model" in page
    page = admin.get(f"/loop?version={tried.id}").text
    assert f"Run {tried.number} stops here: it passed its check, but another version took its place" in page
    assert "a figure is past its limit" not in page
    database.write(lambda uow: store.change(uow, school_id, made.id, state=made.state, canary=None))


def test_a_version_that_is_not_there_is_not_found(demo: Demo) -> None:
    assert demo[1]["admin"].get("/loop?version=nonsense").status_code == 404


def test_developers_look_and_only_administrators_act(demo: Demo) -> None:
    _, adults = demo
    page = adults["developer"].get("/loop").text
    checks.is_sound(page, "en")
    assert "/loop/turn" not in page
    assert "Use this one" not in page
    for role in ("developer", "teacher"):
        assert adults[role].post("/loop/turn").status_code == 403
        assert adults[role].post("/loop/versions/x/use", data={"reason": "r"}).status_code == 403


def test_pupils_do_not_see_the_loop(site: Site) -> None:
    with site.client("student") as client:
        assert client.get("/loop").status_code == 403


def test_the_main_line_is_the_one_asked_for_or_in_use_and_the_branch_a_refused_one() -> None:
    all_four = [turned(4, "refused"), turned(3, "champion"), turned(2, "refused"), turned(1, "retired")]

    def numbers(wanted: str) -> tuple[int | None, int | None]:
        shown = loop.lineage(all_four, wanted)
        return shown.main.number if shown.main else None, shown.branch.number if shown.branch else None

    assert numbers("") == (3, 4)
    assert numbers("v2") == (3, 2)
    assert numbers("v1") == (1, 4)
    assert loop.lineage([], "v9").subject is None
    on_trial = [turned(5, "withdrawn"), turned(4, "canary"), *all_four[1:]]
    assert loop.lineage(on_trial, "").branch == on_trial[1]
    assert loop.lineage(on_trial, "v5").branch == on_trial[0]


def test_the_headline_says_of_a_version_what_became_of_it() -> None:
    gone_back, states = turned(1, "retired"), get_args(State)
    assert loop.lineage([gone_back], "").headline == "back"
    assert loop.lineage([gone_back], "v1").headline == "retired"
    assert loop.lineage([turned(2, "retired"), gone_back], "", gone_back.version).main == gone_back
    changed = replace(turned(5, "withdrawn"), reason="changed")
    assert loop.lineage([changed, gone_back], "v5").headline == "changed"
    for number, state in enumerate(states, 2):
        assert loop.lineage([turned(number, state), gone_back], f"v{number}").headline == state
    for name in (*states, "back", "changed", "none"):
        assert f"loop.headline.{name}" in glossary.words()
