"""Allowances of calls at once, of a term, and what calls cost in money."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.maas.gateway import singly
from tests.maas.gateway.scripted import Caller, ScriptedEngine, admin_of, hello, say
from tests.maas.gateway.server import app_of, running

import shuyuan
from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db, errors, ids
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import ledger, quota, store
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving

SOURCE = Path(shuyuan.__file__).parents[1]
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
Make = Callable[..., GatewayService]


def of_account(gateway: GatewayService, principal: Principal) -> interface.Allowance:
    return next(a for a in gateway.usage(principal) if a.scope == "account")


def test_two_hundred_requests_at_once_over_http_on_a_budget_for_fifty_give_exactly_fifty(
    identity: IdentityService, make_gateway: Make, caller: Caller
) -> None:
    engine = ScriptedEngine()
    gateway = make_gateway(engine)
    gateway.set_limits(caller.admin, "account", caller.principal.account_id, tokens=None, requests=50)

    async def burst(url: str) -> list[int]:
        limits = httpx.Limits(max_connections=200)
        headers = {"authorization": f"Bearer {caller.secret}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:
            answers = await asyncio.gather(*[client.post("/v1/chat/completions", json=CHAT) for _ in range(200)])
        return [answer.status_code for answer in answers]

    with running(app_of(identity, gateway, engine)) as url:
        statuses = asyncio.run(burst(url))
    assert (statuses.count(200), statuses.count(429)) == (50, 150)
    used = of_account(gateway, caller.principal)
    assert (used.requests_used, used.tokens_reserved, used.streams_held) == (50, 0, 0)
    assert len(engine.asked) == 50


def test_calls_over_two_processes_never_run_more_than_are_allowed_at_once(
    database_url: str, make_gateway: Make, teacher: Principal
) -> None:
    waiting, other = asyncio.Event(), db.open_database(database_url)  # a second writer, as another process would have
    engine = ScriptedEngine(hold=waiting)
    gateways = [make_gateway(engine), make_gateway(engine, on=other)]
    gateways[0].set_limits(admin_of(teacher), "account", teacher.account_id, tokens=None, requests=None, streams=3)

    async def run() -> list[str | BaseException]:
        calls = [asyncio.create_task(say(gateways[n % 2], teacher)) for n in range(12)]
        while sum(call.done() for call in calls) + len(engine.asked) < 12:
            await asyncio.sleep(0.01)
        assert of_account(gateways[0], teacher).streams_left == 0
        waiting.set()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        await gateways[1].drain()  # as a server does before it stops
        return ended

    outcomes = asyncio.run(run())
    refused = [one for one in outcomes if isinstance(one, interface.StreamsFull)]
    assert (len(engine.asked), len(refused)) == (3, 9)
    assert refused[0].retry_after_s == 1
    assert refused[0].code == "too_many_at_once"
    assert of_account(gateways[0], teacher).streams_held == 0
    assert asyncio.run(say(gateways[1], teacher)) == "Hello there"
    other.close()


def test_one_call_after_the_other_fits_where_one_may_run_at_once(gateway: GatewayService, teacher: Principal) -> None:
    gateway.set_limits(admin_of(teacher), "account", teacher.account_id, tokens=None, requests=None, streams=1)

    async def in_turn() -> list[str]:
        return [await say(gateway, teacher) for _ in range(5)]  # the end of one is counted before the next begins

    assert asyncio.run(in_turn()) == ["Hello there"] * 5


CRASHING = """
import asyncio, os, signal, sys
from shuyuan.kernel import db
from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway.books import booking, ledger, quota
caller = Principal(sys.argv[2], sys.argv[3], "teacher")
books = booking.Books(db.open_database(sys.argv[1]))
ask = ledger.Ask(caller.school_id, caller.account_id, None, quota.charges(caller), 5, "tiny", "1", "chat", "api",
                books.owner)
async def crash():
    async with books.booked(ask, 0.0):
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(crash())
"""


def test_a_killed_process_keeps_no_place(gateway: GatewayService, database_url: str, teacher: Principal) -> None:
    gateway.set_limits(admin_of(teacher), "account", teacher.account_id, tokens=None, requests=None, streams=1)
    killed = subprocess.run(
        [sys.executable, "-c", CRASHING, database_url, teacher.account_id, teacher.school_id],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(interface.StreamsFull):
        asyncio.run(say(gateway, teacher))
    assert gateway.recover() == 1
    assert of_account(gateway, teacher).streams_held == 0
    assert asyncio.run(say(gateway, teacher)) == "Hello there"


def set_term(gateway: GatewayService, teacher: Principal, first: date, last: date) -> None:
    gateway.set_terms(admin_of(teacher), interface.Terms(term=(first, last)))


def test_a_budget_of_the_term_lasts_from_its_first_day_to_its_last(gateway: GatewayService, teacher: Principal) -> None:
    today = datetime.now(UTC).date()
    boss, days = admin_of(teacher), timedelta
    with pytest.raises(errors.BadInput, match="no dates of a term"):
        gateway.set_limits(boss, "account", teacher.account_id, tokens=100, requests=None, period="term")
    set_term(gateway, teacher, today - days(10), today + days(10))
    allowance = gateway.set_limits(boss, "account", teacher.account_id, tokens=100, requests=None, period="term")
    assert (allowance.period, allowance.tokens_limit) == ("term", 100)
    midnight_there = allowance.resets_at.astimezone(gateway.desk.schools.zone)
    assert (midnight_there.date(), midnight_there.hour) == (today + days(11), 0)
    assert asyncio.run(say(gateway, teacher)) == "Hello there"
    assert of_account(gateway, teacher).tokens_used == 9
    set_term(gateway, teacher, today - days(10), today + days(20))
    assert of_account(gateway, teacher).tokens_used == 9, "a longer term is the same term"
    set_term(gateway, teacher, today + days(30), today + days(60))
    with pytest.raises(interface.QuotaFull, match="term begins on") as early:
        asyncio.run(say(gateway, teacher))
    assert 28 * 86_400 < early.value.retry_after_s < 31 * 86_400
    assert of_account(gateway, teacher).tokens_used == 0, "the next term begins full"
    set_term(gateway, teacher, today - days(60), today - days(30))
    with pytest.raises(interface.QuotaFull, match="term ended on"):
        asyncio.run(say(gateway, teacher))


def test_a_term_of_one_school_is_not_anothers(
    gateway: GatewayService, teacher: Principal, identity: IdentityService, database: db.Database
) -> None:
    today = datetime.now(UTC).date()
    set_term(gateway, teacher, today - timedelta(days=1), today + timedelta(days=1))
    gateway.set_limits(admin_of(teacher), "school", teacher.school_id, tokens=100, requests=None, period="term")
    stranger = Principal(ids.new_id(), identity.create_school("Another").id, "admin")
    set_term(gateway, stranger, today + timedelta(days=30), today + timedelta(days=60))
    assert asyncio.run(say(gateway, teacher)) == "Hello there"
    assert gateway.terms(stranger).term != gateway.terms(teacher).term
    with pytest.raises(errors.Forbidden):
        gateway.set_terms(teacher, interface.Terms())


def test_the_ledger_tells_the_price_of_the_day(gateway: GatewayService, teacher: Principal) -> None:
    price = interface.Price(input=2.0, output=6.0)
    gateway.set_terms(admin_of(teacher), interface.Terms(prices={"tiny": price}))
    asyncio.run(say(gateway, teacher))
    gateway.set_terms(admin_of(teacher), interface.Terms(prices={"tiny": interface.Price(200.0, 600.0)}))
    (call,) = gateway.calls(teacher)
    assert call.cost_micros == round(1000 * (7 * 2.0 + 2 * 6.0))
    (total,) = gateway.totals(teacher, since=datetime.now(UTC) - timedelta(hours=1))
    assert total.cost_micros == call.cost_micros


@pytest.mark.parametrize(
    "terms",
    [
        interface.Terms(currency=""),
        interface.Terms(currency="a very long word"),
        interface.Terms(prices={"tiny": interface.Price(-1, 0)}),
        interface.Terms(prices={"tiny": interface.Price(float("nan"), 0)}),
        interface.Terms(prices={str(n): interface.Price(0, 0) for n in range(201)}),
        interface.Terms(cache_ttl_s=0),
        interface.Terms(term=(date(2031, 2, 1), date(2031, 1, 1))),
        interface.Terms(term=(date(2031, 1, 1), date(2039, 1, 1))),
    ],
)
def test_terms_that_make_no_sense_are_refused(
    gateway: GatewayService, teacher: Principal, terms: interface.Terms
) -> None:
    with pytest.raises(errors.BadInput):
        gateway.set_terms(admin_of(teacher), terms)
    assert gateway.terms(teacher) == interface.Terms()


def ask_of(teacher: Principal, tokens: int = 10) -> ledger.Ask:
    return ledger.Ask(
        teacher.school_id, teacher.account_id, None, quota.charges(teacher), tokens, "tiny", "1", "chat", "api", "h:1:x"
    )


def test_many_ends_and_beginnings_in_one_unit_are_each_counted_once(database: db.Database, teacher: Principal) -> None:
    calls = [ids.new_id() for _ in range(6)]
    opens = [(call, ask_of(teacher)) for call in calls]
    _, answers = database.write(lambda uow: ledger.post(uow, [], opens))
    assert [type(one) for one in answers] == [ledger.Reserved] * 6
    closes = [
        ledger.Close(calls[0], "ok", False, 3, 4),
        ledger.Close(calls[0], "ok", False, 3, 4),  # told twice
        ledger.Close(calls[1], "overloaded", released=True),
        ledger.Close(calls[1], "late", False, 1, 1),  # it answered after all
        ledger.Close(calls[2], "left", released=True),
        ledger.Close(ids.new_id(), "never begun", released=True),
    ]
    ended, _ = database.write(lambda uow: ledger.post(uow, closes, []))
    assert ended == [True, False, True, True, True, False]
    rows = database.write(lambda uow: ledger.allowances(uow, teacher.school_id, quota.charges(teacher)))
    assert {(a.tokens_used, a.tokens_reserved, a.requests_used, a.streams_held) for a in rows} == {(9, 30, 5, 3)}


def test_in_one_unit_what_ends_makes_room_for_what_begins(database: db.Database, teacher: Principal) -> None:
    limits = quota.Limits(tokens=15, requests=None, streams=1)
    charge = quota.Charge("account", teacher.account_id, None)
    database.write(lambda uow: store.set_limits(uow, teacher.school_id, charge, limits, "day"))
    first, second, third = (ids.new_id() for _ in range(3))
    database.write(lambda uow: singly.reserve(uow, ask_of(teacher), first))
    with pytest.raises(interface.QuotaFull, match="tokens"):
        database.write(lambda uow: singly.reserve(uow, ask_of(teacher), second))
    opens = [(second, ask_of(teacher)), (third, ask_of(teacher))]
    _, answers = database.write(lambda uow: ledger.post(uow, [ledger.Close(first, "ok", False, 1, 1)], opens))
    assert isinstance(answers[0], ledger.Reserved)
    assert isinstance(answers[1], interface.QuotaFull)
    school = database.write(lambda uow: ledger.allowances(uow, teacher.school_id, quota.charges(teacher)))[0]
    assert (school.scope, school.tokens_reserved) == ("school", 10), "the refused one charges no quota at all"


def test_a_database_that_fails_refuses_the_waiting_and_forgets_no_end(
    gateway: GatewayService, teacher: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_post, broken = ledger.post, [False]

    def post(uow: db.UnitOfWork, closes: object, opens: object, **how: object) -> object:
        if broken[0]:
            raise OSError("the disk is full")
        return true_post(uow, closes, opens, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "post", post)

    async def run() -> None:
        async with gateway.chat(teacher, hello()) as answer:
            async for _ in answer:
                broken[0] = True  # its end cannot be written
        with pytest.raises(OSError, match="disk is full"):
            await say(gateway, teacher)
        broken[0] = False
        assert await say(gateway, teacher) == "Hello there"

    asyncio.run(run())
    assert [call.status for call in gateway.calls(teacher)] == ["settled", "settled"]
    assert of_account(gateway, teacher).tokens_reserved == 0


def test_an_overloaded_engine_answers_429_with_retry_after_and_charges_nothing(
    identity: IdentityService, make_gateway: Make, caller: Caller
) -> None:
    engine = ScriptedEngine(failure=serving.Overloaded("64 wait already", retry_after_s=3))
    gateway = make_gateway(engine)
    with running(app_of(identity, gateway, engine)) as url:
        headers = {"authorization": f"Bearer {caller.secret}"}
        for stream in (False, True):
            answer = httpx.post(f"{url}/v1/chat/completions", json={**CHAT, "stream": stream}, headers=headers)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
            assert answer.json()["error"]["code"] == "overloaded"
    assert of_account(gateway, caller.principal).requests_used == 0
