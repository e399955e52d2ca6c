"""The HTTP routes of identity, as a page or a program calls them."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.identity.cast import PASSWORD, Cast, browser


def test_signing_in_asking_who_and_signing_out(school: Cast) -> None:
    with browser(school.platform) as client:
        opened = client.post("/api/session", json={"login": "north-teacher", "password": PASSWORD})
        assert opened.status_code == 200
        assert school.signed["teacher"].token not in opened.text
        me = client.get("/api/session").json()
        assert (me["role"], me["name"], me["school"]["name"]) == ("teacher", "teacher of north", "north")
        assert (me["groups"], me["scopes"]) == ([school.class_.id], ["learning", "models"])
        assert client.delete("/api/session").status_code == 204
        assert client.get("/api/session").status_code == 401


def test_a_pupil_signs_in_over_http(school: Cast) -> None:
    with browser(school.platform) as client:
        told = {"code": school.class_.code, "number": "01", "pin": "123456"}
        assert client.post("/api/session/pupil", json=told).json()["account_id"] == school.learner_id
        assert client.get("/api/session").json()["scopes"] == [], "a pupil has no key, whatever it might do"
        assert client.post("/api/session/pupil", json={**told, "pin": "654321"}).status_code == 401


def test_too_many_failures_answer_429_with_retry_after(school: Cast) -> None:
    with browser(school.platform) as client:
        for _ in range(5):
            assert client.post("/api/session", json={"login": "nobody", "password": "x"}).status_code == 401
        refused = client.post("/api/session", json={"login": "nobody", "password": "x"})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


def test_language_and_password_of_ones_own(school: Cast) -> None:
    with browser(school.platform, school.signed["teacher"]) as client:
        assert client.put("/api/session/language", json={"language": "en"}).status_code == 204
        assert client.get("/api/session").json()["language"] == "en"
        assert client.put("/api/session/language", json={"language": "fr"}).status_code == 422
        weak = client.put("/api/session/password", json={"current": PASSWORD, "new": "short"})
        assert (weak.status_code, weak.json()["error"]["code"]) == (400, "weak_password")
        told = {"current": PASSWORD, "new": "another horse 8"}
        assert client.put("/api/session/password", json=told).status_code == 204
        assert client.get("/api/session").status_code == 401


def test_a_key_is_shown_once_listed_and_revoked(school: Cast) -> None:
    with browser(school.platform, school.signed["developer"]) as client:
        made = client.post("/api/keys", json={"name": "laptop"}).json()
        listed = client.get("/api/keys")
        assert made["secret"].startswith("sk-")
        assert made["secret"] not in listed.text
        assert [key["id"] for key in listed.json()["keys"]] == [made["id"]]
        assert client.delete(f"/api/keys/{made['id']}").status_code == 204
        assert client.get("/api/keys").json()["keys"][0]["revoked_at"] is not None


def test_an_administrator_creates_resets_changes_and_signs_out_accounts(school: Cast) -> None:
    with browser(school.platform, school.signed["admin"]) as client, browser(school.platform) as theirs:
        told = {"role": "teacher", "name": "Wang", "login": "wang"}
        made = client.post("/api/accounts", json=told).json()
        assert theirs.post("/api/session", json={"login": "wang", "password": made["password"]}).status_code == 200
        assert client.post("/api/accounts", json=told).status_code == 409
        assert made["id"] in {account["id"] for account in client.get("/api/accounts").json()["accounts"]}
        reset = client.post(f"/api/accounts/{made['id']}/reset").json()
        assert theirs.get("/api/session").status_code == 401
        assert theirs.post("/api/session", json={"login": "wang", "password": reset["password"]}).status_code == 200
        assert client.patch(f"/api/accounts/{made['id']}", json={"role": "developer"}).status_code == 204
        assert theirs.get("/api/session").json()["role"] == "developer"
        assert client.delete(f"/api/accounts/{made['id']}/sessions").status_code == 204
        assert theirs.get("/api/session").status_code == 401
        assert client.patch(f"/api/accounts/{made['id']}", json={"active": False}).status_code == 204
        assert theirs.post("/api/session", json={"login": "wang", "password": reset["password"]}).status_code == 401


def test_a_chosen_password_is_not_sent_back_and_pupils_are_not_made_here(school: Cast) -> None:
    told = {"role": "teacher", "name": "Wang", "login": "wang", "password": PASSWORD}
    with browser(school.platform, school.signed["admin"]) as client:
        assert client.post("/api/accounts", json=told).json()["password"] is None
        assert client.post("/api/accounts", json={**told, "role": "student", "login": "p"}).status_code == 422


def test_a_reset_pupil_gets_a_pin(school: Cast) -> None:
    with browser(school.platform, school.signed["admin"]) as client:
        pin = client.post(f"/api/accounts/{school.learner_id}/reset").json()["password"]
    assert school.identity.sign_in_pupil(school.class_.code, "1", pin).principal.account_id == school.learner_id


def test_exam_mode_over_http(school: Cast) -> None:
    path, until = f"/api/groups/{school.class_.id}/suspension", datetime.now(UTC) + timedelta(hours=1)
    with browser(school.platform, school.signed["teacher"]) as teacher:
        with browser(school.platform, school.signed["student"]) as pupil:
            assert teacher.put(path, json={"until": until.isoformat()}).status_code == 204
            assert pupil.get("/api/session").json()["suspended_until"] is not None
            assert teacher.delete(path).status_code == 204
            assert pupil.get("/api/session").json()["suspended_until"] is None
        assert teacher.put(path, json={"until": "2030-01-01T10:00:00"}).status_code == 422, "no time zone"


@pytest.mark.parametrize("body", ["{", "[]", '{"login": 1}', '{"login": "' + "x" * 300 + '", "password": "p"}'])
def test_malformed_bodies_answer_422_naming_the_fix(school: Cast, body: str) -> None:
    with browser(school.platform) as client:
        refused = client.post("/api/session", content=body, headers={"content-type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "malformed")
    assert refused.json()["error"]["fix"]
