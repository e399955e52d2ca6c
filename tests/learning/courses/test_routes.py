"""HTTP of courses: one's own school, clean HTML, faults with their fix. Who may call is proven with the gate."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from tests.learning.courses import test_files

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, crypto, db, errors
from shuyuan.learning.courses import routes
from shuyuan.learning.courses.service import CoursesService


@pytest.fixture
def app(database: db.Database, vault: crypto.Vault) -> Iterator[FastAPI]:
    courses = CoursesService(db=database, audit=audit.Audit(vault))
    made = FastAPI()
    made.include_router(routes.router(courses=courses))

    @made.exception_handler(errors.ShuyuanError)
    def answer(request: Request, error: errors.ShuyuanError) -> JSONResponse:
        return JSONResponse(error.to_dict(), status_code=error.status)

    yield made
    courses.close()


def client(app: FastAPI, school: str = "a") -> TestClient:
    principal = Principal(account_id="t" * 26, school_id=school * 26, role="teacher", language="en")
    app.dependency_overrides[caller] = lambda: principal
    return TestClient(app)


def test_a_teacher_imports_a_course_and_reads_it_back(app: FastAPI) -> None:
    teacher = client(app)
    loaded = teacher.post("/api/courses", json={"files": test_files.FILES}).json()
    assert loaded == {"id": "demo", "version": 2, "items": 2, "changed": True}
    assert teacher.post("/api/courses", json={"files": test_files.FILES}).json()["changed"] is False
    assert [course["id"] for course in teacher.get("/api/courses").json()] == ["demo"]
    assert teacher.get("/api/courses/demo").json()["units"][0]["lessons"][0]["id"] == "demo.l1"
    lesson = teacher.get("/api/lessons/demo.l1").json()
    assert lesson["title"] == "Lesson"
    assert "<math" in lesson["passages"][0]["html"]


def test_no_route_of_courses_gives_a_key_away(app: FastAPI) -> None:
    teacher = client(app)
    teacher.post("/api/courses", json={"files": test_files.FILES})
    for path in ("/api/courses", "/api/courses/demo", "/api/lessons/demo.l1"):
        assert "correct" not in teacher.get(path).text


def test_another_school_finds_nothing(app: FastAPI) -> None:
    client(app).post("/api/courses", json={"files": test_files.FILES})
    other = client(app, school="b")
    assert other.get("/api/courses").json() == []
    assert other.get("/api/courses/demo").status_code == 404
    assert other.get("/api/lessons/demo.l1").status_code == 404


def test_a_faulty_course_is_refused_with_file_and_fix(app: FastAPI) -> None:
    broken = {**test_files.FILES, "items/a.yaml": test_files.ITEMS.replace("correct: true", "")}
    refused = client(app).post("/api/courses", json={"files": broken})
    assert refused.status_code == 400
    assert refused.json()["code"] == "content_refused"
    assert "items/a.yaml" in refused.json()["message"]
    assert "exactly one" in refused.json()["message"]


def test_an_oversized_upload_is_refused_before_it_is_read(app: FastAPI) -> None:
    big = {**test_files.FILES, "lessons/l1.en.md": "x" * (routes.MAX_UPLOAD_CHARACTERS + 1)}
    assert client(app).post("/api/courses", json={"files": big}).status_code == 413
