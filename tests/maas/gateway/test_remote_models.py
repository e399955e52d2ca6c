"""Remote models through the gateway: what never leaves, and pictures drawn elsewhere."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.mediascript import app_on
from tests.maas.gateway.scripted import Caller, new_caller
from tests.maas.runners import fake_upstream

from shuyuan.compose import Platform

pytestmark = [pytest.mark.timeout(120), pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
MAIL, PHONE, ID = "ming@example.org", "13812345678", "11010519491231002X"
PICTURE = base64.b64encode(b"\x89PNG picture").decode()
Far = Callable[..., fake_upstream.FakeUpstream]


@pytest.fixture
def caller(platform: Platform) -> Caller:
    return new_caller(platform.get("identity"), platform.get("db"))


@pytest.fixture
def client(platform: Platform, caller: Caller) -> Iterator[TestClient]:
    with TestClient(app_on(platform), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


@pytest.fixture
def far(platform: Platform, caller: Caller) -> Iterator[Far]:
    fakes: list[fake_upstream.FakeUpstream] = []

    def register(
        say: fake_upstream.Say, file: dict[str, object] | None = None, **more: Any
    ) -> fake_upstream.FakeUpstream:
        fakes.append(fake_upstream.FakeUpstream(say))
        described = {"upstreams": [{"url": fakes[-1].url, "model": "m"}], **(file or {})}
        platform.get("catalogue").add_file(
            caller.principal.school_id,
            caller.principal.account_id,
            model="far",
            source=io.BytesIO(json.dumps(described).encode()),
            runner="remote",
            champion=True,
            reason="tests",
            trusted=True,
            **more,
        )
        return fakes[-1]

    yield register
    for fake in fakes:
        fake.close()


def chat(client: TestClient, content: str) -> str:
    body = {"model": "far", "messages": [{"role": "user", "content": content}]}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    said: str = answer.json()["choices"][0]["message"]["content"]
    return said


@pytest.mark.parametrize("filler", ["", "A long line of the lesson.\n" * 3_000], ids=["short", "long"])
def test_addresses_and_numbers_never_leave_and_stand_in_the_answer_again(
    far: Far,
    client: TestClient,
    filler: str,
) -> None:
    fake = far(fake_upstream.stream("Write to [[EM", "AIL_1]], call [[PHONE_1]] ([[ID_1]])."))
    assert chat(client, f"{filler}I am {MAIL}, {PHONE}, {ID}.") == f"Write to {MAIL}, call {PHONE} ({ID})."
    sent = json.dumps(fake.asked[0])
    assert "[[EMAIL_1]]" in sent
    assert not any(secret in sent for secret in (MAIL, PHONE, ID))


def test_an_upstream_of_the_school_reads_everything(far: Far, client: TestClient) -> None:
    fake = far(fake_upstream.stream("Fine."), {"trusted": True})
    chat(client, f"I am {MAIL}.")
    assert MAIL in json.dumps(fake.asked[0])


def draw(client: TestClient, **more: object) -> Any:  # Any: a response of the client
    return client.post("/v1/images/generations", json={"model": "far", "prompt": f"a card for {MAIL}", **more})


def test_pictures_are_drawn_elsewhere_and_passed_on(far: Far, client: TestClient) -> None:
    told = {"data": [{"b64_json": PICTURE}, {"b64_json": PICTURE}], "usage": {"input_tokens": 9, "output_tokens": 200}}
    fake = far(fake_upstream.status(200, json.dumps(told)), spec={"draws": True})
    answer = draw(client, n=2, size="256x256")
    assert answer.status_code == 200, answer.text
    assert [one["b64_json"] for one in answer.json()["data"]] == [PICTURE, PICTURE]
    assert fake.heads[0].startswith("POST /v1/images/generations ")
    assert fake.asked[0] == {
        "model": "m", "prompt": "a card for [[EMAIL_1]]", "n": 2, "size": "256x256", "response_format": "b64_json",
    }  # fmt: skip


@pytest.mark.parametrize(
    "rows",
    [[], [{"url": "http://x/1.png"}], [{"b64_json": "%%"}], [{"b64_json": ""}], [{"b64_json": PICTURE}] * 2, 3],
    ids=["none", "an address", "no base64", "empty", "too many", "no list"],
)
def test_an_answer_without_pictures_is_the_upstreams_failure(
    far: Far,
    client: TestClient,
    rows: object,
) -> None:
    far(fake_upstream.status(200, json.dumps({"data": rows})), {"retries": 0}, spec={"draws": True})
    answer = draw(client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_failed"), answer.text


def test_a_remote_model_that_claims_no_pictures_draws_none(far: Far, client: TestClient) -> None:
    fake = far(fake_upstream.status(200, "{}"))
    assert draw(client).json()["error"]["code"] == "not_claimed"
    assert not fake.asked
