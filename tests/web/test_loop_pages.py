"""The loop's page: lineage, figures beside limits, the refused branch, turn and roll back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.web import checks, schools
from tests.web.conftest import Site

from shuyuan import compose
from shuyuan.identity.interface import Principal
from shuyuan.learning.improvement.interface import Condition, State, TracerVersion
from shuyuan.learning.improvement.service import ImprovementService
from shuyuan.science.tracing import online
from shuyuan.web.pages import loop

NEEDS = ("db", "vault", "audit", "identity", "people", "records", "tracing", "catalogue", "storage", "settings")
Demo = tuple[schools.Office, dict[str, TestClient]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with schools.demonstration(tmp_path_factory.mktemp("loop") / "home", starter="none") as made:
        yield made


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


def refuse_one(platform: compose.Platform) -> TracerVersion:
    """A turn of a fit that learnt the opposite: the gate refuses it."""

    def backwards(table: online.Interactions, *, seed: int) -> online.Params:
        return online.fit(replace(table, correct=~table.correct), seed=seed)

    parts = {name: platform.get(name) for name in NEEDS}
    school_id = platform.get("identity").schools()[0].id
    return ImprovementService(**parts, fit=backwards).turn(school_id, by="system")


def test_a_school_without_turns_says_what_it_takes_and_too_few_answers_are_no_error(tmp_path: Path) -> None:
    with schools.empty(tmp_path / "home", starter="none") as office:
        page = office.admin.get("/loop").text
        checks.is_sound(page, "en")
        assert "From 400 answers of 8 consenting learners on" in page
        assert "It turns by itself at 200" in page
        back = office.admin.post("/loop/turn").headers["location"]
        page = office.admin.get(back).text
    assert "Not enough yet: it takes 400 answers of 8 consenting learners" in page


def test_turn_shows_the_whole_lineage_with_figures_beside_limits(demo: Demo) -> None:
    office, adults = demo
    before = len(versions(office))
    back = adults["admin"].post("/loop/turn").headers["location"]
    page = adults["admin"].get(back).text
    checks.is_sound(page, "en")
    version = versions(office)[0]
    assert len(versions(office)) == before + 1
    used = next(one for one in versions(office) if one.state == "champion")
    assert f"{used.answers:,} answers of {used.learners} learners became version {used.number}" in page
    assert f"{used.left_out} did not consent: left out" in page
    for condition in version.conditions:
        assert f"{condition.figure:.3f}" in page
        assert f"{'≤' if condition.comparison == '<=' else '≥'} {condition.limit:.3f}" in page
    outcome = "it passed its check and is in use" if version.id == used.id else "it did not pass its check"
    assert outcome in page
    assert "32 learners" in page
    assert version.id[-6:] in adults["admin"].get("/admin/audit?kind=tracer").text


def test_a_refused_branch_stays_visible_and_may_be_used_with_a_reason_only(demo: Demo) -> None:
    office, adults = demo
    refused = refuse_one(office.platform)
    assert refused.state == "refused"
    page = adults["admin"].get("/loop").text
    checks.is_sound(page, "en")
    used = next(one for one in versions(office) if one.state == "champion")
    assert f"became version {used.number}" in page, "the version in use keeps the main line"
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
