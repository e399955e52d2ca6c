"""The gate: deny by default, cookie or key, scope, cross-site requests, the cookie itself."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.testclient import TestClient
from tests.identity import cast
from tests.identity.cast import PASSWORD, Cast, browser

from shuyuan.identity import http as identity_http
from shuyuan.identity.access import Allow, allow, public, signed_in
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors, http

TABLE: dict[tuple[str, str], Allow] = {
    ("GET", "/open"): public(),
    ("POST", "/open"): public(),
    ("GET", "/mine/{thing}"): signed_in(),
    ("POST", "/mine/{thing}"): signed_in(),
    ("GET", "/staff"): allow("teacher", "admin", scope="admin"),
    ("GET", "/near"): allow("admin", scope="admin", loopback=True),
}


@pytest.fixture
def page(school: Cast) -> Iterator[TestClient]:
    """A small application with one route of each kind, and one that the table forgot."""
    api = APIRouter()

    def tell(principal: Principal | None = Depends(identity_http.optional_caller)) -> dict[str, str | None]:
        return {"who": principal.account_id if principal else None}

    def tell_caller(principal: Principal = Depends(identity_http.caller)) -> dict[str, str | None]:
        return {"who": principal.account_id}

    for path in ("/open", "/staff", "/near", "/forgotten"):
        api.add_api_route(path, tell, methods=["GET"])
    api.add_api_route("/open", tell, methods=["POST"])
    api.add_api_route("/mine/{thing}", tell_caller, methods=["GET", "POST"])
    app = http.build_app(
        version="t", gate=identity_http.gate(school.identity, TABLE), routers=[api], ready=dict, max_body_bytes=1000
    )
    with TestClient(app) as client:
        yield client


def sign(page: TestClient, school: Cast, role: str) -> None:
    page.cookies.set(identity_http.COOKIE, school.signed[role].token)  # type: ignore[index]


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_what_the_table_does_not_list_is_refused_to_everyone(page: TestClient, school: Cast) -> None:
    assert page.get("/forgotten").status_code == 403
    sign(page, school, "admin")
    assert page.get("/forgotten").status_code == 403


def test_nobody_passes_public_routes_only(page: TestClient) -> None:
    assert page.get("/open").json() == {"who": None}
    refused = page.get("/mine/x")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthenticated")
    assert page.get("/staff").status_code == 401


def test_a_session_cookie_names_the_caller_on_open_and_closed_routes(page: TestClient, school: Cast) -> None:
    sign(page, school, "student")
    me = {"who": school.learner_id}
    assert page.get("/mine/x").json() == me
    assert page.get("/open").json() == me


def test_a_wrong_role_is_refused(page: TestClient, school: Cast) -> None:
    sign(page, school, "student")
    assert page.get("/staff").status_code == 403
    sign(page, school, "teacher")
    assert page.get("/staff").status_code == 200


def test_a_dead_cookie_is_nobody_on_open_routes_and_refused_elsewhere(page: TestClient) -> None:
    page.cookies.set(identity_http.COOKIE, "gone")
    assert page.get("/open").json() == {"who": None}
    assert page.get("/mine/x").status_code == 401


def test_a_key_needs_the_scope_that_a_page_has_anyway(page: TestClient, school: Cast) -> None:
    identity, admin = school.identity, school.who("admin")
    small = identity.create_key(admin, "small", scopes=("learning",)).secret
    assert page.get("/mine/x", headers=bearer(small)).status_code == 200
    refused = page.get("/staff", headers=bearer(small))
    assert (refused.status_code, "admin" in refused.json()["error"]["fix"]) == (403, True)
    mighty = identity.create_key(admin, "mighty", scopes=("admin",)).secret
    assert page.get("/staff", headers=bearer(mighty)).status_code == 200
    assert page.get("/mine/x", headers=bearer("sk-unknown")).status_code == 401


def test_advice_leads_to_where_it_is_granted(page: TestClient, school: Cast) -> None:
    made = {role: school.identity.create_key(school.who(role), "k").secret for role in ("teacher", "developer")}
    told = {role: page.get("/staff", headers=bearer(secret)).json()["error"] for role, secret in made.items()}
    assert told["developer"]["message"].startswith("a developer may not call")
    assert "ask an administrator or a teacher" in told["developer"]["fix"]
    assert told["teacher"]["message"].startswith("a teacher's key may not call")
    assert "create a key" not in told["teacher"]["fix"]


def test_revocation_is_seen_by_the_very_next_request(page: TestClient, school: Cast) -> None:
    sign(page, school, "teacher")
    key = school.identity.create_key(school.who("developer"), "k", scopes=("learning",))
    assert page.get("/mine/x").status_code == 200
    assert page.get("/mine/x", headers=bearer(key.secret)).status_code == 200
    school.identity.revoke_sessions(school.who("admin"), school.who("teacher").account_id)
    school.identity.revoke_key(school.who("developer"), key.id)
    assert page.get("/mine/x").status_code == 401
    assert page.get("/mine/x", headers=bearer(key.secret)).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://testserver.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, 403),
        ({"origin": "http://testserver"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_a_change_known_by_cookie_must_come_from_our_own_page(
    page: TestClient, school: Cast, headers: dict[str, str], status: int
) -> None:
    sign(page, school, "teacher")
    assert page.post("/mine/x", headers=headers).status_code == status
    assert page.get("/mine/x", headers=headers).status_code == 200, "reading is not changing"


def test_a_key_needs_no_origin(page: TestClient, school: Cast) -> None:
    key = school.identity.create_key(school.who("teacher"), "k", scopes=("learning",))
    assert page.post("/mine/x", headers=bearer(key.secret)).status_code == 200


def test_a_foreign_page_cannot_sign_anybody_in(page: TestClient) -> None:
    assert page.post("/open").status_code == 200
    assert page.post("/open", headers={"origin": "http://evil.example"}).status_code == 403
    assert page.post("/open", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_loopback_passes_without_signing_in_where_the_table_says_so(school: Cast, page: TestClient) -> None:
    assert page.get("/near").status_code == 401, "the client's address is not a loopback one"
    with TestClient(page.app, client=("127.0.0.1", 5000)) as near:
        assert near.get("/near").status_code == 200
        assert near.get("/staff").status_code == 401
        sign(near, school, "student")
        assert near.get("/near").status_code == 403


def test_the_cookie_is_http_only_lax_and_secure_on_https(school: Cast) -> None:
    told = {"login": "north-teacher", "password": PASSWORD}
    with browser(school.platform) as client:
        plain = client.post("/api/session", json=told).headers["set-cookie"]
        there = "https://testserver"
        sealed = client.post(f"{there}/api/session", json=told, headers={"origin": there}).headers["set-cookie"]
    for cookie in (plain, sealed):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
    assert "Secure" not in plain
    assert "Secure" in sealed


def test_the_fixture_cast_is_of_one_school(school: Cast) -> None:
    assert {signed.principal.school_id for signed in school.signed.values()} == {school.school_id}
    assert set(school.signed) == {*cast.ADULTS, "student"}


def test_only_a_known_caller_may_send_what_needs_a_larger_cap(school: Cast) -> None:
    api = APIRouter()

    @api.post("/staff")
    async def take(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    app = http.build_app(
        version="t",
        gate=identity_http.gate(school.identity, {("POST", "/staff"): public()}),
        routers=[api],
        ready=dict,
        max_body_bytes=10,
        body_caps={"/staff": 20},
        known=identity_http.known(school.identity),
    )
    key = school.identity.create_key(school.who("teacher"), "k").secret
    with TestClient(app, headers=cast.ORIGIN) as page:
        for stranger in ({}, bearer("sk-unknown"), {"cookie": f"{identity_http.COOKIE}=none"}):
            assert page.post("/staff", content=b"x" * 10, headers=stranger).json() == {"bytes": 10}
            assert page.post("/staff", content=b"x" * 11, headers=stranger).status_code == 413
        assert page.post("/staff", content=b"x" * 20, headers=bearer(key)).json() == {"bytes": 20}
        assert page.post("/staff", content=b"x" * 21, headers=bearer(key)).status_code == 413


def asked(path: str, method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "method": method,
            "path": path,
            "headers": raw,
            "client": ("127.0.0.1", 1),
            "state": {},
            "route": _At(path),
        }
    )


class _At:
    """Stands for a route."""

    def __init__(self, path: str) -> None:
        self.path = path


def test_the_quick_gate_judges_whom_it_has_seen_and_passes_on_the_others(school: Cast) -> None:
    quick = identity_http.quick_gate(school.identity, TABLE)
    cookie = f"{identity_http.COOKIE}={school.signed['student'].token}"
    assert quick(asked("/mine/{thing}", cookie=cookie)) is False, "nobody was looked up yet"
    seen = school.identity.principal_of_session(school.signed["student"].token)
    request = asked("/mine/{thing}", cookie=cookie)
    assert quick(request) is True
    assert request.state.principal == seen
    with pytest.raises(errors.Forbidden):
        quick(asked("/staff", cookie=cookie))
    with pytest.raises(errors.Forbidden):
        quick(asked("/forgotten", cookie=cookie))
    with pytest.raises(errors.Forbidden, match="own page"):
        quick(asked("/mine/{thing}", "POST", cookie=cookie, origin="http://evil.example"))
    with pytest.raises(errors.Unauthenticated):
        quick(asked("/mine/{thing}"))
    school.identity.sign_out(seen)
    assert quick(asked("/mine/{thing}", cookie=cookie)) is False, "who signed out is forgotten at once"
