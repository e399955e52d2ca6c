"""Quotas are reserved before and settled after, exactly once, whatever happens in between."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.maas.gateway import singly
from tests.maas.gateway.scripted import ScriptedEngine, admin_of, hello, new_caller, say

import shuyuan
from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db, errors, ids
from shuyuan.maas.gateway import interface, models
from shuyuan.maas.gateway.books import ledger, quota
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving

SOURCE = Path(shuyuan.__file__).parents[1]


def of_account(gateway: GatewayService, principal: Principal) -> interface.Allowance:
    return next(a for a in gateway.usage(principal) if a.scope == "account")


def give(
    gateway: GatewayService, principal: Principal, *, tokens: int | None = None, requests: int | None = None
) -> None:
    gateway.set_limits(admin_of(principal), "account", principal.account_id, tokens=tokens, requests=requests)


async def burst(gateway: GatewayService, principal: Principal, count: int) -> tuple[int, int]:
    """Start `count` calls at once; (answered, refused)."""
    calls = [say(gateway, principal) for _ in range(count)]
    return _counted(await asyncio.gather(*calls, return_exceptions=True))


def _counted(outcomes: Sequence[str | BaseException]) -> tuple[int, int]:
    refused = sum(isinstance(outcome, interface.QuotaFull) for outcome in outcomes)
    return sum(isinstance(outcome, str) for outcome in outcomes), refused


def test_fifty_calls_at_once_on_a_budget_of_twenty_requests_give_exactly_twenty(
    gateway: GatewayService, teacher: Principal
) -> None:
    give(gateway, teacher, requests=20)
    assert asyncio.run(burst(gateway, teacher, 50)) == (20, 30)
    assert of_account(gateway, teacher).requests_used == 20


def test_fifty_calls_over_two_processes_on_tokens_for_twenty_reserve_exactly_twenty(
    database: db.Database, database_url: str, make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    waiting = asyncio.Event()
    other = db.open_database(database_url)  # a second writer, as another process would have
    engine = ScriptedEngine(hold=waiting)
    gateways = [make_gateway(engine), make_gateway(engine, on=other)]
    expected = quota.estimate_tokens(["hello"]) + quota.TEMPLATE_TOKENS + 20
    give(gateways[0], teacher, tokens=20 * expected)

    async def run() -> tuple[int, int]:
        calls = [asyncio.create_task(say(gateways[n % 2], teacher)) for n in range(50)]
        while sum(call.done() for call in calls) + len(engine.asked) < 50:
            await asyncio.sleep(0.01)
        held = of_account(gateways[0], teacher)
        assert (held.tokens_reserved, held.tokens_left) == (20 * expected, 0)
        waiting.set()
        ended = _counted(await asyncio.gather(*calls, return_exceptions=True))
        await gateways[1].drain()  # as a server does before it stops
        return ended

    assert asyncio.run(run()) == (20, 30)
    settled = of_account(gateways[0], teacher)
    assert (settled.tokens_reserved, settled.tokens_used) == (0, 20 * 9)
    other.close()


def in_classes(identity: IdentityService, database: db.Database, member: Principal, *class_ids: str) -> None:
    for class_id in class_ids:
        database.write(
            lambda uow, class_id=class_id: identity.add_to_group(  # type: ignore[misc]
                uow, school_id=member.school_id, group_id=class_id, account_ids=[member.account_id]
            )
        )


def test_a_call_over_http_or_not_is_charged_to_school_account_key_and_class(
    gateway: GatewayService, teacher: Principal, identity: IdentityService, database: db.Database
) -> None:
    in_classes(identity, database, teacher, "class-7b", "class-8a")
    caller = identity.principal_of_key(identity.create_key(teacher, "script").secret)
    admin = admin_of(teacher)
    gateway.set_limits(admin, "class", "class-7b", tokens=1000, requests=None)
    gateway.set_limits(admin, "key", str(caller.key_id), tokens=500, requests=None)
    asyncio.run(say(gateway, caller))
    used = {a.scope: a.tokens_used for a in gateway.usage(caller)}
    assert used == {"school": 9, "account": 9, "class": 9, "key": 9}


def test_a_full_class_stops_its_members_and_charges_nobody_else(
    gateway: GatewayService, teacher: Principal, identity: IdentityService, database: db.Database
) -> None:
    in_classes(identity, database, teacher, "class-7b")
    caller = Principal(teacher.account_id, teacher.school_id, "teacher", groups=frozenset({"class-7b"}))
    gateway.set_limits(admin_of(teacher), "class", "class-7b", tokens=None, requests=0)
    with pytest.raises(interface.QuotaFull, match="allowance of your class"):
        asyncio.run(say(gateway, caller))
    assert of_account(gateway, caller).requests_used == 0


def test_another_schools_administrator_cannot_change_our_allowance(gateway: GatewayService, teacher: Principal) -> None:
    stranger = Principal(ids.new_id(), ids.new_id(), "admin")
    ours: dict[interface.Scope, str] = {"account": teacher.account_id, "school": teacher.school_id}
    for scope, scope_id in ours.items():
        with pytest.raises(errors.NotFound):
            gateway.set_limits(stranger, scope, scope_id, tokens=0, requests=0)
    assert asyncio.run(say(gateway, teacher)) == "Hello there"
    with pytest.raises(errors.Forbidden):
        gateway.set_limits(teacher, "account", teacher.account_id, tokens=None, requests=None)


SCOPES: tuple[interface.Scope, ...] = ("school", "class", "account", "key")


@pytest.mark.parametrize("scope", SCOPES)
def test_an_allowance_of_nobody_here_cannot_be_set(
    gateway: GatewayService,
    teacher: Principal,
    identity: IdentityService,
    database: db.Database,
    scope: interface.Scope,
) -> None:
    other = new_caller(identity, database, "other")
    in_classes(identity, database, other.principal, "their-class")
    theirs = {
        "school": other.principal.school_id,
        "class": "their-class",
        "account": other.principal.account_id,
        "key": str(other.principal.key_id),
    }
    for scope_id in (theirs[scope], "x" * 300):
        with pytest.raises(errors.NotFound, match=scope):
            gateway.set_limits(admin_of(teacher), scope, scope_id, tokens=1, requests=1)
        assert gateway.set_limits(other.admin, scope, theirs[scope], tokens=1, requests=1).scope_id == theirs[scope]


def test_leaving_in_the_middle_stops_the_engine_and_settles_what_was_given(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    engine = ScriptedEngine(pieces=("one", " two", " three"))
    gateway = make_gateway(engine)

    async def leave_after_one() -> None:
        async with gateway.chat(teacher, hello()) as answer:
            async for _ in answer:
                break

    asyncio.run(leave_after_one())
    assert engine.closed == 1
    assert of_account(gateway, teacher).tokens_reserved == 0
    (call,) = gateway.calls(teacher)
    assert (call.status, call.outcome, call.completion_tokens) == ("settled", "left", 1)


def test_a_cancelled_caller_gives_back_its_reservation(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    gateway = make_gateway(ScriptedEngine(hold=asyncio.Event()))

    async def cancel_each_at_a_different_moment() -> None:
        calls = [asyncio.create_task(say(gateway, teacher)) for _ in range(12)]
        for call in calls:
            await asyncio.sleep(0.001)
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await gateway.drain()

    asyncio.run(cancel_each_at_a_different_moment())
    assert of_account(gateway, teacher).tokens_reserved == 0
    assert all(call.status != "reserved" for call in gateway.calls(teacher))


def test_an_error_before_any_text_costs_nothing(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    gateway = make_gateway(ScriptedEngine(failure=serving.Overloaded("queue full", retry_after_s=2)))
    with pytest.raises(serving.Overloaded):
        asyncio.run(say(gateway, teacher))
    account = of_account(gateway, teacher)
    assert (account.tokens_used, account.tokens_reserved, account.requests_used) == (0, 0, 0)
    assert gateway.calls(teacher)[0].outcome == "overloaded"


def test_a_worker_lost_in_the_middle_costs_what_it_gave(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    gateway = make_gateway(ScriptedEngine(failure=serving.WorkerLost("gone"), fail_after=1))
    with pytest.raises(serving.WorkerLost):
        asyncio.run(say(gateway, teacher))
    (call,) = gateway.calls(teacher)
    assert (call.status, call.outcome, call.completion_tokens) == ("settled", "worker_lost", 1)
    assert of_account(gateway, teacher).tokens_reserved == 0


def test_a_call_is_settled_once_and_never_released_after(database: db.Database, teacher: Principal) -> None:
    ask = ledger.Ask(
        teacher.school_id, teacher.account_id, None, quota.charges(teacher), 100, "tiny", "1", "chat", "api", "h:1:x"
    )
    call = ids.new_id()
    database.write(lambda uow: singly.reserve(uow, ask, call))

    def settle() -> bool:
        return database.write(
            lambda uow: singly.settle(uow, call, prompt_tokens=3, completion_tokens=4, outcome="ok", overhead_ms=1.0)
        )

    assert [settle(), settle()] == [True, False]
    assert database.write(lambda uow: singly.release(uow, call, "late")) is False
    rows = database.write(lambda uow: ledger.allowances(uow, teacher.school_id, quota.charges(teacher)))
    assert {(row.tokens_used, row.tokens_reserved, row.requests_used) for row in rows} == {(7, 0, 1)}


def test_a_released_call_that_answers_late_is_settled_after_all(database: db.Database, teacher: Principal) -> None:
    ask = ledger.Ask(
        teacher.school_id, teacher.account_id, None, quota.charges(teacher), 100, "tiny", "1", "chat", "api", "h:1:x"
    )
    call = ids.new_id()
    database.write(lambda uow: singly.reserve(uow, ask, call))
    database.write(lambda uow: singly.release(uow, call, "crashed"))
    database.write(
        lambda uow: singly.settle(uow, call, prompt_tokens=3, completion_tokens=4, outcome="ok", overhead_ms=1.0)
    )
    rows = database.write(lambda uow: ledger.allowances(uow, teacher.school_id, quota.charges(teacher)))
    assert {(row.tokens_used, row.tokens_reserved, row.requests_used) for row in rows} == {(7, 0, 1)}


CRASHING = """
import asyncio, os, signal, sys
from shuyuan.kernel import db
from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway.books import booking, ledger, quota
caller = Principal(sys.argv[2], sys.argv[3], "teacher")
books = booking.Books(db.open_database(sys.argv[1]))
ask = ledger.Ask(caller.school_id, caller.account_id, None, quota.charges(caller), 500, "tiny", "1", "chat", "api",
                books.owner)
async def crash():
    async with books.booked(ask, 0.0):
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(crash())
"""


def test_what_a_killed_process_had_reserved_is_given_back_at_the_next_start(
    gateway: GatewayService, database_url: str, teacher: Principal
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", CRASHING, database_url, teacher.account_id, teacher.school_id],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
    )
    assert killed.returncode == -9
    assert of_account(gateway, teacher).tokens_reserved == 500
    assert gateway.recover() == 1
    account = of_account(gateway, teacher)
    assert (account.tokens_reserved, account.tokens_used, account.requests_used) == (0, 0, 0)
    assert gateway.calls(teacher)[0].outcome == "crashed"


def test_recovery_leaves_running_calls_of_this_process_alone(
    make_gateway: Callable[..., GatewayService], teacher: Principal
) -> None:
    waiting = asyncio.Event()
    engine = ScriptedEngine(hold=waiting)
    gateway = make_gateway(engine)

    async def run() -> int:
        call = asyncio.create_task(say(gateway, teacher))
        while not engine.asked:
            await asyncio.sleep(0.01)
        released = gateway.recover()
        waiting.set()
        await call
        return released

    assert asyncio.run(run()) == 0


def test_a_new_day_begins_with_a_full_allowance(database: db.Database, teacher: Principal) -> None:
    today = datetime(2031, 3, 31, 23, 59, tzinfo=UTC)
    charges = quota.charges(teacher)

    def spend(at: datetime) -> list[interface.Allowance]:
        def work(uow: db.UnitOfWork) -> list[interface.Allowance]:
            uow.now = at
            call = ids.new_id()
            ask = ledger.Ask(
                teacher.school_id, teacher.account_id, None, charges, 10, "tiny", "1", "chat", "api", "o:1:1"
            )
            singly.reserve(uow, ask, call)
            singly.settle(uow, call, prompt_tokens=10, completion_tokens=0, outcome="ok", overhead_ms=0)
            return ledger.allowances(uow, teacher.school_id, charges)

        return database.write(work)

    assert {a.tokens_used for a in spend(today)} == {10}
    assert {a.tokens_used for a in spend(today)} == {20}
    tomorrow = spend(today + timedelta(minutes=2))
    assert {(a.tokens_used, a.requests_used) for a in tomorrow} == {(10, 1)}
    assert {a.resets_at for a in tomorrow} == {datetime(2031, 4, 2, tzinfo=UTC)}


def test_a_member_sees_their_own_calls_and_an_administrator_the_schools(
    gateway: GatewayService, teacher: Principal
) -> None:
    colleague = Principal(ids.new_id(), teacher.school_id, "teacher")
    stranger = Principal(ids.new_id(), ids.new_id(), "admin")
    for caller in (teacher, colleague, colleague):
        asyncio.run(say(gateway, caller))
    assert len(gateway.calls(teacher)) == 1
    assert len(gateway.calls(admin_of(teacher))) == 3
    assert gateway.calls(stranger) == []
    since = datetime.now(UTC) - timedelta(hours=1)
    counted = [(t.account_id, t.requests, t.prompt_tokens) for t in gateway.totals(admin_of(teacher), since=since)]
    assert counted == [(colleague.account_id, 2, 14), (teacher.account_id, 1, 7)]


def test_an_exam_closes_the_model_api_until_it_ends(gateway: GatewayService, teacher: Principal) -> None:
    now = datetime.now(UTC)
    in_exam = Principal(teacher.account_id, teacher.school_id, "student", suspended_until=now + timedelta(hours=1))
    after = Principal(teacher.account_id, teacher.school_id, "student", suspended_until=now - timedelta(seconds=1))
    with pytest.raises(interface.Suspended):
        asyncio.run(say(gateway, in_exam))
    with pytest.raises(interface.Suspended):
        asyncio.run(gateway.embed(in_exam, "embed", ["a"]))
    with pytest.raises(interface.Suspended):
        asyncio.run(gateway.summarize(in_exam, "One. Two."))
    assert asyncio.run(say(gateway, after)) == "Hello there"


def test_what_costs_no_tokens_is_served_though_none_are_left(gateway: GatewayService, teacher: Principal) -> None:
    give(gateway, teacher, tokens=0)

    async def run() -> None:
        with pytest.raises(interface.QuotaFull):
            await say(gateway, teacher)
        async with gateway.desk.booked(teacher, models.KEYWORDS, "keywords") as call:
            call.note(interface.Usage(0))
        await gateway.drain()

    asyncio.run(run())
    assert [call.endpoint for call in gateway.calls(teacher)] == ["keywords"]


@pytest.mark.parametrize("text", ["like terms", "三角形的内角和是多少", "🦊" * 300, "naïve café", ""])
def test_no_text_has_more_tokens_than_are_reserved_for_it(text: str) -> None:
    """As the small starter model counts, which cuts Chinese and emoji finest: 1.8 and 3.1 tokens a character."""
    letters = sum(ord(one) < 128 for one in text)
    emoji = sum(ord(one) > 0xFFFF for one in text)
    least = 0.25 * letters + 1.85 * (len(text) - letters - emoji) + 3.1 * emoji
    assert quota.estimate_tokens([text]) >= least


def test_the_day_of_an_allowance_and_the_words_of_a_refusal_are_those_of_the_school(
    gateway: GatewayService, teacher: Principal
) -> None:
    give(gateway, teacher, requests=0)
    ends = of_account(gateway, teacher).resets_at.astimezone(ZoneInfo("Asia/Shanghai"))
    assert (ends.hour, ends.minute) == (0, 0)
    with pytest.raises(interface.QuotaFull) as full:
        asyncio.run(say(gateway, teacher))
    assert f"{ends:%Y-%m-%d} 00:00 (Asia/Shanghai)" in full.value.fix


def test_a_day_that_began_at_another_hour_ends_at_the_school_s_midnight() -> None:
    zone, began = ZoneInfo("Asia/Shanghai"), datetime(2031, 3, 31, tzinfo=UTC)  # 08:00 there
    assert quota.window_end("day", began, zone) == datetime(2031, 3, 31, 16, tzinfo=UTC)
    assert quota.window_end("month", began, zone) == datetime(2031, 3, 31, 16, tzinfo=UTC)
    assert quota.window_start("month", began.replace(hour=17), zone) == datetime(2031, 3, 31, 16, tzinfo=UTC)
