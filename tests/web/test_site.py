"""The pages of every role over the real platform and its demo school, without script: sound, light, unbreakable."""

from urllib.parse import quote

import pytest
from tests.web import checks, demohome, forms
from tests.web.conftest import Site

STUDENT = ("/learn/today", "/learn/course", "/learn/map", "/learn/mistakes", "/learn/me", "/help")
TEACHER = (
    "/teach/today",
    "/teach/class",
    "/teach/class?part=all",
    "/teach/assign",
    "/teach/papers",
    "/teach/questions",
    "/teach/items",
    "/teach/help",
    "/teach/tests",
    "/help",
)


@pytest.fixture(params=["zh", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("role", "path"), [("student", one) for one in STUDENT] + [("teacher", one) for one in TEACHER]
)
def test_a_page_is_sound_and_light_for_its_role(site: Site, role: str, path: str, language: str) -> None:
    with site.client(role, language) as client:
        answer = client.get(path)
    assert answer.status_code == 200
    checks.is_sound(answer.text, language)
    assert checks.weight(answer.text) <= checks.MOST_BYTES


@pytest.mark.parametrize(
    ("role", "path"), [("student", "/teach/today"), ("teacher", "/learn/today"), ("developer", "/teach/class")]
)
def test_another_role_sees_why_not(site: Site, role: str, path: str) -> None:
    with site.client(role) as client:
        answer = client.get(path)
    assert answer.status_code == 403
    assert "Your role cannot open this page" in answer.text


@pytest.mark.parametrize("odd", ["²", "-1", "9" * 30, "x.y", "year7-expressions.nothing", "\0", "٣"])
def test_no_input_breaks_a_page(site: Site, odd: str) -> None:
    with site.client("teacher") as client:
        pupil_id = forms.hidden(client.get("/teach/today").text, "learner")[0]
    asked = {
        "student": ["/learn/point?id=", "/learn/lesson?id=", "/learn/practice/", "/learn/today?lang="],
        "teacher": [
            "/teach/class?part=",
            f"/teach/class?learner={pupil_id}&point=",
            f"/teach/class?point={demohome.POINT}&learner=",
            "/teach/learners/",
            f"/teach/learners/{pupil_id}?point=",
            f"/teach/assign?learner={pupil_id}&point_id=",
            f"/teach/assign?point_id={demohome.POINT}&learner=",
            f"/teach/assign?learner={pupil_id}&point_id={demohome.POINT}&count=",
            "/teach/assign?due=",
            "/teach/assign?sent=",
            f"/teach/papers?learner={pupil_id}&point_id=",
            f"/teach/papers?point_id={demohome.POINT}&learner=",
            f"/teach/papers?learner={pupil_id}&point_id={demohome.POINT}&count=",
            "/teach/questions?point=",
        ],
        "admin": [
            "/admin?notice=",
            "/admin/usage?days=",
            "/admin/audit?before=",
            "/admin/audit?kind=",
            "/admin/models/",
            "/admin/people/classes/",
            "/admin/privacy?class_id=",
            "/admin/privacy/erase/",
            "/people/roster?class_id=",
            "/loop?version=",
        ],
        "developer": ["/developer?show="],
        None: ["/enter?back=", "/enter/"],
    }
    sent = {
        "student": [
            ("/learn/practise", {"point_id": odd}),
            ("/learn/practise-lesson", {"lesson_id": odd}),
            ("/learn/start", {"kind": odd, "course_id": odd, "item_id": odd}),
            ("/learn/start", {"kind": "practice", "course_id": odd, "assignment_id": odd}),
            ("/learn/redo", {"item_id": odd}),
            ("/preferences", {"back": odd, "lang": odd, "theme": odd, "place": odd}),
        ],
        "teacher": [
            ("/teach/assign", {"point_id": odd, "learner": pupil_id}),
            ("/teach/assign", {"point_id": demohome.POINT, "learner": odd}),
            ("/teach/assign", {"point_id": demohome.POINT, "learner": pupil_id, "due": f"{odd}x"}),
            ("/teach/papers", {"point_id": odd, "learner": pupil_id}),
            ("/teach/papers", {"point_id": demohome.POINT, "learner": pupil_id, "count": f"{odd}x"}),
        ],
        "admin": [
            ("/admin/responsible", {"account_id": odd}),
            ("/admin/usage/limits", {"who": "", "tokens": odd, "period": odd}),
            ("/admin/usage/limits", {"who": odd, "tokens": "5"}),
            ("/admin/people/accounts", {"name": odd, "login": odd, "role": odd}),
            ("/people/roster/import", {"content": odd, "class_id": odd}),
            (f"/loop/versions/{demohome.POINT}/use", {"reason": odd}),
            (f"/admin/privacy/{demohome.POINT}", {"agreed": odd}),
        ],
        "developer": [("/developer/keys", {"name": "k", "days": odd})],
        None: [("/enter/pupil", {"code": odd, "number": odd, "pin": odd, "back": odd})],
    }
    broken = []
    for role, paths in asked.items():
        with site.client(role) as client:
            broken += [path for path in paths if client.get(path + quote(odd)).status_code >= 500]
            broken += [path for path, form_ in sent[role] if client.post(path, data=form_).status_code >= 500]
    assert not broken


def test_a_visit_weighs_what_the_readme_says(site: Site) -> None:
    """Printed, and far under the bound: html and every file it asks for, compressed."""
    heaviest = 0
    for role, paths in (("student", STUDENT), ("teacher", TEACHER)):
        with site.client(role) as client:
            for path in paths:
                heaviest = max(heaviest, checks.weight(client.get(path).text))
    assert heaviest <= checks.MOST_BYTES / 2
