"""Early warning, its trust, question analysis and learner models compared, as people see them."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import httpx
import pytest
from tests.learning.insight.classbook import past
from tests.science.tracing import test_comparingnew
from tests.web import checks
from tests.web.conftest import Site

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock
from shuyuan.learning.insight import store, warning, weeks

MODEL = warning.Model(-1.0, (-0.9,) + (0.0,) * 7, (0.0,) * 8, (0.1,) + (1.0,) * 7, 0.0, 1.0)


@pytest.fixture(params=["zh", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def warned(site: Site) -> Iterator[Site]:
    """The demo school with an early warning in use, for as long as the test runs."""
    made = warning.fit(past(31, 6, tells=True))
    assert made is not None
    trust, database = made[1], site.platform.get("db")
    told = {"model": MODEL.to_json(), "trust": asdict(trust), "evidence": asdict(trust.evidence)}
    ids = [school.id for school in site.platform.get("identity").schools()]
    for one in ids:
        database.write(lambda uow, one=one: store.put_model(uow.conn, one, {**told, "made_at": clock.now()}))
    yield site
    for one in ids:
        none = {"model": {}, "trust": {}, "evidence": asdict(warning.evidence([])), "made_at": clock.now()}
        database.write(lambda uow, one=one, none=none: store.put_model(uow.conn, one, none))


def sound(client: httpx.Client, path: str, language: str, *, light: bool = True) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    checks.is_sound(answer.text, language)
    if light:
        assert checks.weight(answer.text) <= checks.MOST_BYTES
    return answer.text


def test_a_warning_shows_chance_and_counted_reasons_and_a_teacher_may_disagree(warned: Site, language: str) -> None:
    with warned.client("teacher", language) as client:
        page = sound(client, "/teach/help", language)
        assert "/teach/help/dismiss" in page
        learner = page.split('name="learner" value="', 1)[1].split('"', 1)[0]
        assert client.post("/teach/help/dismiss", data={"learner": learner}).status_code == 303
        after = client.get("/teach/help?notice=dismissed").text
        assert f'name="learner" value="{learner}"><button class="plain' not in after
    for role in ("student", "developer"):
        with warned.client(role) as client:
            assert client.get("/teach/help").status_code == 403


def test_over_http_too_the_warning_is_for_teachers_of_the_class_and_each_look_is_noted(warned: Site) -> None:
    people, identity = warned.platform.get("people"), warned.platform.get("identity")
    school = next(one for one in identity.schools() if one.demo)
    class_ = people.classes(Principal("system", school.id, "admin"))[0]
    asked = f"/api/classes/{class_.id}/help?course_id={class_.course_ids[0]}"
    with warned.client("teacher") as client:
        seen = client.get(asked).json()["early_warning"]
    assert seen["until"]
    assert seen["trust"]["used"]
    first = seen["warned"][0]
    assert 0.5 <= first["chance"] <= 1
    assert first["because"][0].keys() == {"fact", "mine", "usual", "log_odds"}
    boss = Principal("system", school.id, "admin")
    assert people.seen(boss, first["learner"]["id"])
    with warned.client("admin") as client:
        answer = client.get(asked)
        assert (answer.status_code, answer.json()["early_warning"]) == (200, None)
    with warned.client("student") as client:
        assert client.get(asked).status_code == 403


def test_administrators_see_what_was_said_and_what_came(warned: Site, language: str) -> None:
    with warned.client("admin", language) as client:
        assert client.get("/warning").text.count("<svg") >= len(weeks.FACTS) - 4  # a bar a bin
        sound(client, "/warning", language, light=False)
    with warned.client("teacher") as client:
        assert client.get("/warning").status_code == 403


def test_questions_are_sorted_as_asked_and_common_mistakes_stand_below_the_class_map(site: Site, language: str) -> None:
    with site.client("teacher", language) as client:
        for sort in ("hard", "telling", "fit", "answers", "nonsense"):
            sound(client, f"/teach/items?point=all&sort={sort}", language)
        assert "/teach/help#mistakes" in sound(client, "/teach/class", language)
        page = sound(client, "/teach/items?point=all", language)
        few = page.partition('id="few"')[2].count('class="asked"')
        assert few > 0
        assert str(few) in page.partition("<h1>")[2].partition("</h1>")[0]  # never "nothing amiss" of what is unknown
        fine = page.partition('id="fine"')[2].partition('id="few"')[0]
        assert "Hardly tells" not in fine
        assert "几乎分不出" not in fine


@pytest.fixture(scope="module")
def unmet() -> list[dict[str, Any]]:  # Any: JSON
    """Comparisons on hidden questions: one model reads their texts; there are none."""
    order, differ = test_comparingnew.ORDER._replace(models=("kalman", "rasch")), {"q99": 7}
    return [test_comparingnew.compared(texts, order, differ) for texts in (test_comparingnew.TELLING, {"q1": "one"})]


def test_questions_nobody_answered_before_are_shown_as_average_ones_and_by_their_text(
    site: Site, unmet: list[dict[str, Any]], language: str
) -> None:
    school = next(one for one in site.platform.get("identity").schools() if one.demo)
    folder = site.platform.get("settings").home / "comparisons" / school.id / f"unmet{language}"
    folder.mkdir(parents=True)
    about = {"id": folder.name, "source": "own:research", "at": "2026-03-02T08:00:00+00:00"}
    (folder / "about.json").write_text(json.dumps({**about, **test_comparingnew.ORDER._asdict()}))
    helps, few = {"zh": ("有用", "只有 1 道"), "en": ("It helps", "1 answered questions have a text")}[language]
    figure, hidden = "kalman,hidden item by text: difference,-0.", "12,60,120,"
    try:
        with site.client("developer", language) as client:
            assert 'name="new_items"' in client.get("/workshop/tracers").text
            for result, said, unsaid in zip(unmet, (helps, few), (few, helps), strict=True):
                (folder / "result.json").write_text(json.dumps(result))
                page = sound(client, f"/workshop/tracers/{folder.name}", language, light=False)
                part = page.partition('id="unmet-h"')[2].partition("</section>")[0]
                assert said in part
                assert unsaid not in part
                assert "q99" in part
                sheet = client.get(f"/api/comparisons/{folder.name}/figures").text
                assert (figure in sheet) is (said == helps)
                assert f"{hidden}words," in sheet if said == helps else f"{hidden},few_items" in sheet
                assert part.count("<td") == part.count("cell-label") + part.count("colspan")  # all named at 360 px
                named = re.findall(r'cell-label">([^<]+)', part.partition("</tr>")[2].partition("</tr>")[0])
                assert len(set(named)) == len(named) > 1
            assert client.get("/api/comparisons").json()["comparisons"][0]["new_items"] is True
            hid = unmet[1]["protocol"]["new_items"]
            older = {**hid, "texts": {"known_items": 1, "hidden_items": 0}, "not_read": "few"}  # as it was stored once
            protocol = {**unmet[1]["protocol"], "new_items": older}
            alone = {"protocol": protocol, "models": {"kalman": unmet[1]["models"]["kalman"]}}
            (folder / "result.json").write_text(json.dumps(alone))
            headline = client.get(f"/workshop/tracers/{folder.name}").text.partition("<h1")[2].partition("</h1>")[0]
            assert "kalman" in headline
            assert {"zh": "最准", "en": "best"}[language] not in headline
    finally:
        shutil.rmtree(folder)


def test_researchers_choose_models_and_answers_and_a_refusal_keeps_what_was_chosen(site: Site, language: str) -> None:
    with site.client("developer", language) as client:
        assert 'value="kalman" checked' in sound(client, "/workshop/tracers", language, light=False)
        refused = client.post("/workshop/tracers", data={"source": "own:improvement", "model": "guess"})
        assert refused.status_code == 400
        assert 'role="alert"' in refused.text
        for wrong, named in (({}, ("勾", "tick")), ({"model": "elo", "seed": "abc"}, ("整数", "whole number"))):
            told = client.post("/workshop/tracers", data={"source": "own:improvement", **wrong})
            why = told.text.partition('role="alert"')[2].partition("<details")[0]
            assert named[language == "en"] in why
        assert client.get("/workshop/tracers/none").status_code == 404
    with site.client("teacher") as client:
        assert client.get("/workshop/tracers").status_code == 403
