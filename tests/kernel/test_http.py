"""The application: request ids, body caps, one error shape, security headers, health."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy import String, bindparam, cast, select
from starlette.responses import HTMLResponse, Response, StreamingResponse

from shuyuan.kernel import db, errors, http

LIMIT = 1000


class Body(BaseModel, extra="forbid"):
    text: str


def routes() -> APIRouter:
    api = APIRouter()

    @api.post("/echo")
    def echo(body: Body) -> Body:
        return body

    @api.post("/upload")
    @api.post("/upload/{name}/parts")
    @api.post("/upload/{name}/other")
    @api.post("/uploads")
    async def upload(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @api.get("/raise/{kind}")
    def fail(kind: str) -> None:
        raise {
            "conflict": errors.Conflict("it is closed", fix="open it", code="closed"),
            "busy": errors.RateLimited("too many", retry_after_s=12.4),
            "loading": errors.Unavailable("not yet", retry_after_s=0.2),
            "defect": ZeroDivisionError("secret detail"),
        }[kind]

    @api.get("/pages/{kind}")
    def page(kind: str) -> None:
        raise errors.NotFound(f"no page {kind}")

    @api.get("/broken-stream")
    def broken_stream() -> StreamingResponse:
        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise ZeroDivisionError("secret detail")

        return StreamingResponse(pieces())

    @api.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"a", b"b"]))

    return api


@pytest.fixture
def state() -> dict[str, str]:
    return {"database": "ok"}


@pytest.fixture
def client(state: dict[str, str]) -> Iterator[TestClient]:
    def page(request: Request, error: errors.ShuyuanError) -> Response:
        return HTMLResponse(f"<p>{error.message}</p>", status_code=error.status)

    app = http.build_app(
        version="1.2.3",
        gate=lambda request: None,
        routers=[routes()],
        ready=lambda: state,
        max_body_bytes=LIMIT,
        error_pages={"/pages": page},
        body_caps={"/upload": 5 * LIMIT, "/upload/{name}/parts": 3 * LIMIT},
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_harmless_request_id_is_kept_and_another_replaced(client: TestClient) -> None:
    assert client.get("/version", headers={"x-request-id": "lesson-7.a_b"}).headers["x-request-id"] == "lesson-7.a_b"
    for bad in ("", "x" * 65, "two words", "a\tb", "<script>"):
        given = client.get("/version", headers={"x-request-id": bad}).headers["x-request-id"]
        assert given != bad
        assert len(given) == 26


def test_every_answer_has_the_security_headers_and_a_request_id(client: TestClient) -> None:
    for path in ("/version", "/nowhere", "/raise/conflict", "/raise/defect", "/pages/x", "/stream"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-request-id"]


def test_expected_errors_have_one_shape(client: TestClient) -> None:
    refused = client.get("/raise/conflict")
    assert refused.status_code == 409
    assert refused.json() == {"error": {"code": "closed", "message": "it is closed", "fix": "open it"}}


@pytest.mark.parametrize(("kind", "status", "seconds"), [("busy", 429, "12"), ("loading", 503, "1")])
def test_come_back_later_says_when(client: TestClient, kind: str, status: int, seconds: str) -> None:
    refused = client.get(f"/raise/{kind}")
    assert (refused.status_code, refused.headers["retry-after"]) == (status, seconds)


def test_a_defect_answers_500_without_its_details(client: TestClient) -> None:
    broken = client.get("/raise/defect")
    assert (broken.status_code, broken.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in broken.text


def test_a_defect_after_the_answer_began_breaks_the_connection(client: TestClient) -> None:
    strict = TestClient(client.app)
    with pytest.raises(ZeroDivisionError):
        strict.get("/broken-stream")


def test_errors_under_a_prefix_are_rendered_by_its_owner(client: TestClient) -> None:
    page = client.get("/pages/x")
    assert (page.status_code, page.text) == (404, "<p>no page x</p>")


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"text": 1}', "\xff"])
def test_malformed_bodies_answer_422_in_words(client: TestClient, body: str) -> None:
    refused = client.post("/echo", content=body.encode("latin-1"), headers={"content-type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "malformed")


def test_what_was_sent_is_named_unless_it_is_long_or_secret(client: TestClient) -> None:
    said = [
        client.post("/echo", json=sent).json()["error"]["message"]
        for sent in ({"text": 7}, {"text": ["a"]}, {}, {"text": "a", "pin": ["4829"]}, {"text": {"b": "x"}})
    ]
    assert [one.split(". ")[0] for one in said[:2]] == ["body.text: got 7", "body.text: got a list"]
    assert said[2] == "body.text: Field required"
    assert (said[3].startswith("body.pin: "), "4829" in said[3]) == (True, False)
    assert said[4].startswith("body.text: got an object")
    assert len(client.post("/echo", json={"text": "a", "z": "x" * 500}).json()["error"]["message"]) < 200


def test_unknown_addresses_and_methods_answer_in_the_same_shape(client: TestClient) -> None:
    nowhere, method = client.get("/nowhere"), client.put("/echo")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")
    assert "/nowhere" in nowhere.json()["error"]["message"]
    assert (method.status_code, set(method.json()["error"])) == (405, {"code", "message", "fix"})


def text_of(size: int) -> bytes:
    frame = b'{"text": ""}'
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


JSON = {"content-type": "application/json"}


def test_a_body_up_to_the_cap_is_read_and_one_byte_more_refused(client: TestClient) -> None:
    assert client.post("/echo", content=text_of(LIMIT), headers=JSON).status_code == 200
    refused = client.post("/echo", content=text_of(LIMIT + 1), headers=JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/echo", "/upload"])
def test_a_chunked_body_without_a_length_is_refused_once_it_is_over_the_cap(client: TestClient, path: str) -> None:
    cap = LIMIT if path == "/echo" else 5 * LIMIT

    def pieces(size: int) -> Iterator[bytes]:
        content = text_of(size)
        for start in range(0, size, 100):
            yield content[start : start + 100]

    assert client.post(path, content=pieces(cap), headers=JSON).status_code == 200
    refused = client.post(path, content=pieces(cap + 1), headers=JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    assert refused.headers["x-request-id"]


@pytest.mark.parametrize("length", ["nonsense", "-5", "99999999999"])
def test_a_lying_content_length_is_refused(client: TestClient, length: str) -> None:
    refused = client.post("/echo", content=b"{}", headers={**JSON, "content-length": length})
    assert refused.status_code == 413


def test_headers_have_a_cap_too(client: TestClient) -> None:
    assert client.get("/version", headers={"x-long": "y" * 60_000}).status_code == 200
    assert client.get("/version", headers={"x-long": "y" * 70_000}).status_code == 413


def test_an_upload_path_has_its_own_cap(client: TestClient) -> None:
    assert client.post("/upload", content=b"x" * (LIMIT + 1)).json() == {"bytes": LIMIT + 1}
    assert client.post("/upload", content=b"x" * (5 * LIMIT + 1)).status_code == 413


@pytest.mark.parametrize(
    ("path", "cap"),
    [
        ("/upload/a/parts", 3 * LIMIT),
        ("/upload/b/parts", 3 * LIMIT),
        ("/upload/a/other", 5 * LIMIT),
        ("/uploads", LIMIT),
        ("/upload/", 5 * LIMIT),
    ],
)
def test_the_longest_path_that_covers_a_request_gives_its_cap(client: TestClient, path: str, cap: int) -> None:
    def pieces(size: int) -> Iterator[bytes]:
        yield from (b"x" * min(100, size - start) for start in range(0, size, 100))

    for content in (lambda size: b"x" * size, pieces):
        assert client.post(path, content=content(cap + 1)).status_code == 413
        if path != "/upload/":  # redirected to /upload by the router
            assert client.post(path, content=content(cap)).json() == {"bytes": cap}


def test_health_version_and_metrics(client: TestClient, state: dict[str, str]) -> None:
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/version").json() == {"version": "1.2.3"}
    assert client.get("/readyz").json() == {"ready": True, "parts": {"database": "ok"}}
    state["engine"] = "loading"
    waiting = client.get("/readyz")
    assert (waiting.status_code, waiting.json()["ready"]) == (503, False)
    assert "python_info" in client.get("/metrics").text
    assert "/echo" in client.get("/openapi.json").json()["paths"]


def test_the_gate_runs_before_every_route_and_before_the_handler() -> None:
    asked: list[str] = []

    def gate(request: Request) -> None:
        asked.append(request.url.path)
        raise errors.Forbidden("closed")

    app = http.build_app(version="1", gate=gate, routers=[routes()], ready=dict, max_body_bytes=LIMIT)
    client = TestClient(app)
    for path in ("/healthz", "/stream", "/raise/defect", "/metrics"):
        assert client.get(path).status_code == 403
    assert client.post("/echo", json={}).status_code == 403, "refused before the body is judged"
    assert asked == ["/healthz", "/stream", "/raise/defect", "/metrics", "/echo"]


def test_route_keys_name_every_method_and_path(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    keys = set(http.route_keys(client.app))
    assert {("POST", "/echo"), ("GET", "/raise/{kind}"), ("GET", "/healthz"), ("GET", "/openapi.json")} <= keys
    assert not [key for key in keys if key[0] == "HEAD"]


@pytest.mark.parametrize("address", ["/pages/a%00b", "/echo?x=%00"])
def test_an_address_with_nul_is_refused_by_name(client: TestClient, address: str) -> None:
    told = client.get(address)
    assert (told.status_code, "NUL" in told.text) == (422, True)


def test_what_a_database_cannot_store_is_the_senders_error(database: db.Database) -> None:
    api = APIRouter()

    @api.post("/kept")
    def kept(body: Body) -> str:
        with database.read() as conn:
            return str(conn.execute(select(cast(bindparam("text", body.text), String))).scalar_one())

    parts = {"gate": lambda request: None, "ready": dict, "max_body_bytes": LIMIT}
    with TestClient(http.build_app(version="1", routers=[api], **parts)) as asking:  # type: ignore[arg-type]
        told = asking.post("/kept", json={"text": "a\0b"})
    assert told.status_code == (400 if database.dialect == "postgresql" else 200)
    assert ("NUL" in told.text) == (database.dialect == "postgresql")
