"""What an upstream says of tokens may be nonsense: no count stops another school's calls, gives back, or is a crash."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.maas.gateway.scripted import ScriptedEngine, admin_of, new_caller, say

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db, ids
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import booking, ledger, quota, till
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.watch import metrics
from shuyuan.maas.runners import llamaevents

Make = Callable[..., GatewayService]


def used(gateway: GatewayService, principal: Principal) -> int:
    return next(one.tokens_used for one in gateway.usage(principal) if one.scope == "account")


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        (interface.Usage(10**30, 10**30), 2 * booking.MOST_TOKENS),
        (interface.Usage(-500_000, -1), 0),
        (interface.Usage(-500_000, 3), 3),
    ],
)
def test_a_count_beyond_reason_is_cut_and_the_answer_still_given(
    make_gateway: Make, teacher: Principal, told: interface.Usage, counted: int
) -> None:
    gateway = make_gateway(ScriptedEngine(usage=told))
    admin = admin_of(teacher)
    gateway.set_limits(admin, "account", teacher.account_id, tokens=None, requests=None)
    gateway.set_limits(admin, "school", teacher.school_id, tokens=None, requests=None)
    assert [asyncio.run(say(gateway, teacher)) for _ in range(2)] == ["Hello there"] * 2
    assert used(gateway, teacher) == 2 * counted
    assert [call.outcome for call in gateway.calls(teacher)] == ["ok", "ok"]
    (total,) = gateway.totals(teacher, since=datetime(2000, 1, 1, tzinfo=UTC))
    assert total.prompt_tokens + total.completion_tokens == 2 * counted


def test_an_end_that_cannot_be_written_is_released_and_holds_up_nobody(
    database: db.Database, identity: IdentityService, teacher: Principal
) -> None:
    other = new_caller(identity, database).principal
    queue = till.Till(database)

    async def open_(principal: Principal) -> str:
        ask = ledger.Ask(
            principal.school_id, principal.account_id, None, quota.charges(principal), 100, "m", "1", "chat", "api", "h"
        )
        return (await queue.open(ids.new_id(), ask)).id

    async def whole() -> None:
        bad, good = await open_(teacher), await open_(other)
        queue.close(ledger.Close(bad, "ok", prompt_tokens=10**30))
        queue.close(ledger.Close(good, "ok", prompt_tokens=7))
        await queue.drain()
        await open_(other)
        await queue.drain()

    asyncio.run(whole())

    def standing(principal: Principal) -> tuple[int, int, int]:
        charges = quota.charges(principal)
        rows = database.write(lambda uow: ledger.allowances(uow, principal.school_id, charges))
        return next((r.tokens_used, r.tokens_reserved, r.requests_used) for r in rows if r.scope == "account")

    assert standing(teacher) == (0, 0, 0)
    assert standing(other) == (7, 100, 2)


def test_what_cannot_be_counted_breaks_no_call(
    gateway: GatewayService, teacher: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("counters only go up")

    monkeypatch.setattr(metrics.live, "ended", broken)
    assert asyncio.run(say(gateway, teacher)) == "Hello there"


def test_a_reader_keeps_counts_between_nothing_and_what_books_hold() -> None:
    def read(prompt: object, completion: object) -> interface.Usage:
        event = {"usage": {"prompt_tokens": prompt, "completion_tokens": completion}}
        return llamaevents.count(event, interface.Usage(0))

    assert read(10**30, -5) == interface.Usage(llamaevents.MOST_TOKENS, 0)
    assert read(float("inf"), 3.0) == interface.Usage(llamaevents.MOST_TOKENS, 3)
    for nonsense in ("9" * 9, None, [1], float("nan")):
        with pytest.raises((TypeError, ValueError)):
            read(nonsense, 1)
    assert llamaevents.MOST_TOKENS == booking.MOST_TOKENS
