"""The JSON API on the real platform: real courses, real people, real sessions."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.identity import cast
from tests.identity.cast import Cast

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Role
from shuyuan.kernel import ids
from shuyuan.learning.courses import interface as courses

CONTENT = Path(__file__).parents[3] / "content" / "year7-expressions"
MODULES = ("people", "courses", "tracing", "assessment", "recommendation", "insight")


@pytest.fixture
def school(platform: Platform) -> Cast:
    return open_school(platform, "north")


def open_school(platform: Platform, name: str) -> Cast:
    made = cast.gather(platform, name)
    content = read_content()
    platform.get("courses").load(made.school_id, content, by="test")
    made.people.set_courses(made.who("teacher"), made.class_.id, [content.course.id])
    return made


@functools.cache
def read_content() -> courses.Content:
    return courses.read_folder(CONTENT)


@pytest.fixture
def pupil(school: Cast) -> Iterator[TestClient]:
    yield from client(school, "student")


@pytest.fixture
def teacher(school: Cast) -> Iterator[TestClient]:
    yield from client(school, "teacher")


def client(school: Cast, role: Role) -> Iterator[TestClient]:
    with TestClient(cast.build_app(school.platform, *MODULES), headers=cast.ORIGIN) as made:
        made.cookies.set(identity_http.COOKIE, school.signed[role].token)
        yield made


def start(pupil: TestClient, **more: Any) -> Any:
    point = first_point(pupil)
    body = {"course_id": CONTENT.name, "point_id": point, "count": 3, **more}
    told = pupil.post("/api/attempts", json=body)
    assert told.status_code == 201, told.text
    return told.json()


def first_point(client: TestClient) -> str:
    point: str = client.get(f"/api/courses/{CONTENT.name}").json()["points"][0]["id"]
    return point


def key_of(school: Cast, slot: Any) -> Any:
    asked = school.platform.get("courses").question(school.school_id, slot["item_id"], slot["seed"], "en")
    return asked.key.answer


def send(pupil: TestClient, attempt: Any, slot: Any, answer: Any, key: str | None = None) -> Any:
    body = {"item_id": slot["item_id"], "answer": answer, "client_key": key or ids.new_id(), "seconds": 3.5}
    return pupil.post(f"/api/attempts/{attempt['id']}/answers", json=body)


def test_an_answer_is_graded_saved_and_moves_the_map(school: Cast, pupil: TestClient) -> None:
    attempt = start(pupil)
    slot = attempt["slots"][0]
    asked = pupil.get(f"/api/attempts/{attempt['id']}/questions/{slot['item_id']}").json()
    assert asked["prompt_html"]
    assert not {"key", "hints", "explanation", "answer"} & asked.keys()
    told = send(pupil, attempt, slot, key_of(school, slot), "k1")
    assert told.status_code == 200, told.text
    body = told.json()
    assert (body["saved"], body["duplicate"], body["verdict"]["correct"]) == (True, False, True)
    assert send(pupil, attempt, slot, key_of(school, slot), "k1").json()["duplicate"]
    point = first_point(pupil)
    assert body["after"][point]["p"] > body["before"][point]["p"]
    seen = pupil.get(f"/api/learners/{school.learner_id}/mastery", params={"course_id": CONTENT.name}).json()
    (known,) = [one for one in seen["points"] if one["point_id"] == point]
    assert (known["n"], known["wins"], known["level"]) == (1, 1, None)
    assert (seen["tracer_version"], seen["minimum_evidence"], len(seen["points"])) == ("prior-1", 5, 10)


def test_after_closing_an_answer_is_a_conflict_that_says_why(school: Cast, pupil: TestClient) -> None:
    attempt = start(pupil)
    assert pupil.post(f"/api/attempts/{attempt['id']}/close").json()["closed_at"]
    told = send(pupil, attempt, attempt["slots"][0], "1")
    assert told.status_code == 409
    assert told.json()["error"]["code"] == "attempt_closed"
    assert "not counted" in told.json()["error"]["message"]


def test_hints_come_rendered_and_in_both_languages(pupil: TestClient) -> None:
    attempt = start(pupil)
    told = pupil.post(f"/api/attempts/{attempt['id']}/hints", json={"item_id": attempt["slots"][0]["item_id"]}).json()
    assert told["number"] == 1
    assert all(told["html"][language].startswith("<p>") for language in ("zh", "en"))


@pytest.mark.parametrize("answer", ["__import__('os').system('true')", "((((" * 400, "9**9**9**9**9"])
def test_a_hostile_answer_is_at_worst_wrong(school: Cast, pupil: TestClient, answer: str) -> None:
    attempt = start(pupil, item_ids=of_kind(school, "expression"))
    told = send(pupil, attempt, attempt["slots"][0], answer)
    assert told.status_code == 200, told.text
    assert not told.json()["verdict"]["correct"]


def of_kind(school: Cast, kind: str) -> list[str]:
    """One item of the kind."""
    shelf = school.platform.get("courses")
    points = shelf.graph(school.school_id, CONTENT.name).points
    names = [name for point in points for name in shelf.items_of_point(school.school_id, point.id)]
    return [name for name in names if shelf.item(school.school_id, name).kind == kind][:1]


@pytest.mark.parametrize(
    "change",
    [
        {"client_key": "k" * 65},
        {"answer": "9" * 4001},
        {"answer": None},
        {"seconds": -1},
        {"item_id": ""},
        {"answer": {"a": 1}},
    ],
)
def test_malformed_answers_are_named_and_nothing_is_stored(
    school: Cast, pupil: TestClient, change: dict[str, Any]
) -> None:
    attempt = start(pupil)
    slot = attempt["slots"][0]
    body = {"item_id": slot["item_id"], "answer": key_of(school, slot), "client_key": "k", **change}
    told = pupil.post(f"/api/attempts/{attempt['id']}/answers", json=body)
    assert told.status_code in (400, 422)
    assert told.json()["error"]["fix"]
    assert pupil.get(f"/api/attempts/{attempt['id']}").json()["slots"][0]["tries"] == 0


def test_neither_items_nor_point_is_bad_input(pupil: TestClient) -> None:
    assert pupil.post("/api/attempts", json={"course_id": CONTENT.name}).status_code == 400


def test_next_and_mistakes_and_answers_are_there_for_the_learner(school: Cast, pupil: TestClient) -> None:
    attempt = start(pupil, item_ids=of_kind(school, "numeric"))
    send(pupil, attempt, attempt["slots"][0], "-98765")
    mine = f"/api/learners/{school.learner_id}"
    following = pupil.get(f"{mine}/next", params={"limit": 1}).json()["activities"]
    assert len(following) == 1
    assert following[0]["item_ids"]
    assert set(following[0]["reason"]) == {"zh", "en"}
    assert len(pupil.get(f"{mine}/mistakes").json()["mistakes"]) == 1
    (response,) = pupil.get(f"{mine}/responses").json()["responses"]
    assert (response["answer"], response["correct"]) == ("-98765", False)


def test_a_teacher_sees_the_class_and_the_visit_is_noted(school: Cast, pupil: TestClient, teacher: TestClient) -> None:
    attempt = start(pupil)
    send(pupil, attempt, attempt["slots"][0], key_of(school, attempt["slots"][0]))
    where = {"course_id": CONTENT.name}
    seen = teacher.get(f"/api/classes/{school.class_.id}/today", params=where).json()
    assert (seen["size"], seen["too_little_evidence"][0]["answers"]) == (1, 1)
    rows = teacher.get(f"/api/classes/{school.class_.id}/map", params=where).json()
    assert rows["rows"][0]["mastery"][first_point(teacher)]["n"] == 1
    assert rows["percent_correct"][first_point(teacher)] == 1.0
    cell = teacher.get(f"/api/classes/{school.class_.id}/answers", params={"point_id": first_point(teacher)}).json()
    assert len(cell["responses"]) == 1
    assert teacher.get(f"/api/learners/{school.learner_id}/responses").status_code == 200
    noted = [who for _, who in school.people.seen(school.who("student"), school.learner_id)]
    assert noted == [school.who("teacher").account_id] * 2  # the answers of the class, and the learner's own


def test_a_teacher_sets_practice_prints_papers_and_takes_back(
    school: Cast, pupil: TestClient, teacher: TestClient
) -> None:
    ask = {
        "class_id": school.class_.id,
        "learner_ids": [school.learner_id],
        "course_id": CONTENT.name,
        "point_id": first_point(teacher),
        "count": 3,
    }
    shown = teacher.post("/api/assignments/preview", json=ask).json()["preview"]
    made = teacher.post("/api/assignments", json=ask)
    assert made.status_code == 201
    (mine,) = pupil.get("/api/assignments").json()["assignments"]
    attempt = pupil.post(f"/api/assignments/{mine['id']}/start").json()
    assert [slot["item_id"] for slot in attempt["slots"]] == shown[0]["item_ids"]
    assert len(teacher.get("/api/assignments", params={"class_id": school.class_.id}).json()["assignments"]) == 1
    undone = teacher.post(f"/api/assignments/{mine['id']}/undo").json()
    assert undone["started_by"] == [school.learner_id]
    assert "kept" in undone["message"]["en"]
    (paper,) = teacher.post("/api/papers", json=ask).json()["papers"]
    assert len(paper["questions"]) == 3
    assert all(question["key"] for question in paper["questions"])


def test_what_is_mistyped_is_named_and_never_answered_with_nothing(
    school: Cast, pupil: TestClient, teacher: TestClient
) -> None:
    def said(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.json()["error"]["message"]

    body = {"course_id": CONTENT.name, "item_ids": ["zz"]}
    assert said(pupil.post("/api/attempts", json=body)) == (404, "item_ids: there is no item 'zz'")
    assert "body.kinds: got 'test'" in said(pupil.post("/api/attempts", json={**body, "kinds": "test"}))[1]
    mine = f"/api/learners/{school.learner_id}/next"
    assert said(pupil.get(mine, params={"course_id": "nope"}))[1].startswith("query.course_id: got 'nope'")
    assert len(pupil.get(mine, params={"limit": 2}).json()["activities"]) == 2
    answers = f"/api/classes/{school.class_.id}/answers"
    assert said(teacher.get(answers, params={"point_id": "zz"})) == (404, "there is no point 'zz'")
    assert teacher.get(answers, params={"point_id": first_point(pupil)}).json() == {"responses": []}


def test_another_school_finds_nothing(school: Cast, platform: Platform, pupil: TestClient) -> None:
    attempt = start(pupil)
    south = open_school(platform, "south")
    mine, class_ = f"/api/learners/{school.learner_id}", f"/api/classes/{school.class_.id}"
    where = f"course_id={CONTENT.name}"
    for role in ("teacher", "admin"):
        for other in client(south, role):
            for path in (
                f"/api/attempts/{attempt['id']}",
                f"{mine}/mastery?{where}",
                f"{mine}/next",
                f"{mine}/mistakes",
                f"{mine}/responses",
                f"{class_}/today?{where}",
                f"{class_}/map?{where}",
                f"{class_}/answers?point_id={first_point(pupil)}",
            ):
                assert other.get(path).status_code == 404, path
    for other in client(south, "student"):
        assert send(other, attempt, attempt["slots"][0], "1").status_code == 404
        assert other.post(f"/api/attempts/{attempt['id']}/close").status_code == 404
