"""Limits and terms over HTTP: a word mistyped changes nothing, and what is left out of the terms stays."""

import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller, ScriptedEngine
from tests.maas.gateway.server import app_of

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db
from shuyuan.maas.gateway.service import GatewayService


@pytest.fixture
def office(identity: IdentityService, database: db.Database, caller: Caller, gateway: GatewayService) -> TestClient:
    account = database.write(
        lambda uow: identity.create_account(
            uow, school_id=caller.principal.school_id, role="admin", name="IT", login="it", secret=None
        )
    )
    key = identity.create_key(identity.sign_in_as(account).principal, "office", scopes=("models", "admin"))
    client = TestClient(app_of(identity, gateway, ScriptedEngine()))
    client.headers["authorization"] = f"Bearer {key.secret}"
    return client


@pytest.mark.parametrize(
    "body", [{"tokens_limit": 100}, {"tokens": 100, "streams": 1}, {"tokens": 100, "requests": 5, "stream": 1}, {}]
)
def test_a_limit_is_lifted_only_by_saying_so(
    office: TestClient, gateway: GatewayService, caller: Caller, body: dict[str, int]
) -> None:
    path = f"/api/quotas/account/{caller.principal.account_id}"
    assert office.put(path, json={"tokens": 100, "requests": 5}).status_code == 200
    assert office.put(path, json=body).status_code == 422
    listed = {(one["scope"], one["scope_id"]): one for one in office.get("/api/quotas").json()["quotas"]}
    assert listed["account", caller.principal.account_id]["tokens_limit"] == 100
    (kept,) = [one for one in gateway.usage(caller.principal) if one.scope == "account"]
    assert (kept.tokens_limit, kept.requests_limit) == (100, 5)
    assert office.put(path, json={"tokens": None, "requests": None}).json()["tokens_limit"] is None


def test_what_is_left_out_of_the_terms_stays(office: TestClient) -> None:
    prices = {"tiny": {"input": 0.002, "output": 0.006}}
    assert office.put("/api/terms", json={"prices": prices, "currency": "EUR"}).status_code == 200
    told = office.put("/api/terms", json={"cache": True}).json()
    assert (told["prices"], told["currency"], told["cache"]) == (prices, "EUR", True)
    assert office.put("/api/terms", json={"bananas": 1}).status_code == 422
    other = {"extractive": {"input": 0.0, "output": 0.001}}
    assert office.put("/api/terms", json={"prices": other}).json()["prices"] == prices | other
    assert office.put("/api/terms", json={"prices": {"tiny": None}}).json()["prices"] == other
    unknown = office.put("/api/terms", json={"prices": {"gpt-9": prices["tiny"]}})
    assert unknown.status_code == 400
    assert "tiny" in unknown.text
