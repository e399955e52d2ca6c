"""Reports and gates over HTTP: ordered, looked at, read as a page that may do nothing; each role as it may."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from fastapi.testclient import TestClient
from tests.maas.evaluation.conftest import School

from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Identity, Role
from shuyuan.kernel import http
from shuyuan.maas.evaluation import routes

GATE = {"conditions": [{"figure": "accuracy", "comparison": ">=", "limit": "champion - 0.01"}]}


@pytest.fixture
def client(school: School) -> Iterator[TestClient]:
    app = http.build_app(
        version="test",
        gate=identity_http.gate(school.platform.get("identity")),
        ready=dict,
        max_body_bytes=100_000,
        routers=[routes.router(school.evaluation)],
    )
    with TestClient(app, headers={"origin": "http://testserver"}) as made:
        yield made


def enter(client: TestClient, school: School, role: Role, school_id: str = "") -> TestClient:
    identity: Identity = school.platform.get("identity")
    account = school.platform.get("db").write(
        lambda uow: identity.create_account(
            uow, school_id=school_id or school.id, role=role, name=role, login=f"{role}@{school_id}", secret=None
        )
    )
    client.cookies.set(identity_http.COOKIE, identity.sign_in_as(account).token)
    return client


def ordered(client: TestClient, school: School, **more: object) -> dict[str, Any]:  # Any: JSON
    answer = client.post("/api/reports", json={"subject": school.version.uri, "data": school.data.uri, **more})
    assert answer.status_code == 202, answer.text
    school.evaluation._pool.submit(int).result()
    told: dict[str, Any] = client.get(f"/api/reports/{answer.json()['id']}").json()
    return told


def test_a_report_is_ordered_read_and_judged(client: TestClient, school: School) -> None:
    enter(client, school, "admin")
    assert client.put("/api/gates/ours", json=GATE).json()["number"] == 1
    enter(client, school, "developer")
    report = ordered(client, school, part="test")
    assert client.get(f"/api/reports/{report['id']}/verdicts").json() == []
    assert report["state"] == "finished"
    assert report["figures"]["accuracy"] > 0.8
    assert report["confusion"]["labels"] == ["no", "yes"]
    assert [one["id"] for one in client.get("/api/reports", params={"data": school.data.uri}).json()] == [report["id"]]
    assert client.put("/api/gates/ours", json=GATE).status_code == 403, "whoever is judged sets no gate"
    assert {"ours", "classification", "regression"} <= {one["name"] for one in client.get("/api/gates").json()}
    verdict = client.post("/api/gates/ours/judge", json={"report_id": report["id"]}).json()
    assert verdict["lines"][0]["said"] == "champion - 0.01"
    assert verdict["lines"][0]["note"] == "no_champion"
    assert client.get(f"/api/reports/{report['id']}/verdicts").json() == [verdict]
    assert [one["report_id"] for one in client.get("/api/test-readings").json()] == [report["id"]]


def test_the_page_of_a_report_may_run_and_fetch_nothing(client: TestClient, school: School) -> None:
    report = ordered(enter(client, school, "admin"), school)
    answer = client.get(f"/api/reports/{report['id']}/html", params={"language": "en"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'sha256-" in policy
    assert "sandbox" in policy
    assert "unsafe" not in policy
    assert '<html lang="en">' in answer.text
    assert 'lang="zh-CN"' in client.get(f"/api/reports/{report['id']}/html").text


def test_a_teacher_looks_and_orders_nothing_and_a_pupil_does_neither(client: TestClient, school: School) -> None:
    report = ordered(enter(client, school, "admin"), school)
    enter(client, school, "teacher", school.id)
    for path in ("/api/reports", f"/api/reports/{report['id']}", "/api/gates", "/api/test-readings"):
        assert client.get(path).status_code == 200
    assert client.post("/api/reports", json={"subject": "x", "data": "data:/pupils"}).status_code == 403
    assert client.put("/api/gates/ours", json=GATE).status_code == 403
    assert client.post("/api/gates/classification/judge", json={"report_id": report["id"]}).status_code == 403
    enter(client, school, "student", school.id)
    for path in ("/api/reports", f"/api/reports/{report['id']}/html", "/api/gates", "/api/test-readings"):
        assert client.get(path).status_code == 403


def test_another_school_gets_404_for_what_is_not_its_own(client: TestClient, school: School) -> None:
    report = ordered(enter(client, school, "admin"), school)
    other = school.platform.get("identity").create_school("other").id
    enter(client, school, "admin", other)
    assert client.get("/api/reports").json() == []
    for path in ("", "/html", "/verdicts"):
        assert client.get(f"/api/reports/{report['id']}{path}").status_code == 404
    assert client.post("/api/gates/classification/judge", json={"report_id": report["id"]}).status_code == 404
    asked = {"subject": school.version.uri, "data": school.data.uri}
    assert client.post("/api/reports", json=asked).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"conditions": []},
        {"conditions": [{"figure": "auc", "comparison": "==", "limit": 1}]},
        {"conditions": [{"figure": "auc", "comparison": ">=", "limit": "__import__('os')"}]},
        {"conditions": [{"figure": "a\x00", "comparison": ">=", "limit": 1}]},
        {"conditions": [{"figure": "auc", "comparison": ">=", "limit": 1, "more": 1}]},
    ],
)
def test_a_gate_that_says_nothing_sensible_is_malformed(client: TestClient, school: School, body: object) -> None:
    assert enter(client, school, "admin").put("/api/gates/ours", json=body).status_code == 422


def test_strange_names_and_ids_are_refused_and_break_nothing(client: TestClient, school: School) -> None:
    enter(client, school, "admin")
    assert client.get("/api/reports/..%2F..%2Fetc").status_code in (404, 422)
    assert client.get("/api/reports/nothing").status_code == 404
    assert client.get("/api/reports", params={"subject": "a\x00"}).status_code == 422
    assert client.post("/api/reports", json={"subject": "x\x00", "data": "y"}).status_code == 422
    assert client.put("/api/gates/UPPER", json=GATE).status_code == 400


def test_a_gate_is_changed_and_removed_over_http_only_for_a_reason_and_by_administrators(
    client: TestClient, school: School
) -> None:
    enter(client, school, "admin")
    assert "accuracy" in client.get("/api/gate-figures").json()["classification"]
    assert client.put("/api/gates/ours", json=GATE).json()["reason"] == ""
    unexplained = client.put("/api/gates/ours", json=GATE)
    assert (unexplained.status_code, unexplained.json()["error"]["code"]) == (400, "reason_missing")
    assert client.put("/api/gates/ours", json={**GATE, "reason": "stricter"}).json()["number"] == 2
    unknown = {"conditions": [{"figure": "acuracy", "comparison": ">=", "limit": 1}]}
    assert client.put("/api/gates/x", json=unknown).json()["error"]["code"] == "unknown_figure"
    assert client.request("DELETE", "/api/gates/ours", json={}).status_code == 400
    assert client.request("DELETE", "/api/gates/ours", json={"reason": "done"}).status_code == 204
    assert "ours" not in {one["name"] for one in client.get("/api/gates").json()}
    enter(client, school, "developer")
    assert client.request("DELETE", "/api/gates/x", json={"reason": "done"}).status_code == 403


def test_nothing_is_cross_validated_where_nothing_trains(client: TestClient, school: School) -> None:
    enter(client, school, "developer")
    asked = {"task": "tabular_classification", "data": school.data.uri, "parts": ["validation"]}
    assert client.post("/api/cross-validations", json=asked).status_code == 503
    assert client.post("/api/cross-validations", json={**asked, "k": 1}).status_code == 422
    assert client.get("/api/cross-validations").json() == []
    assert client.get("/api/cross-validations/7").json()["error"]["code"] == "cross_validation_not_found"
    enter(client, school, "teacher", school.id)
    assert client.post("/api/cross-validations", json=asked).status_code == 403
