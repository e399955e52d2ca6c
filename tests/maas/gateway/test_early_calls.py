"""Where there is plenty of allowance the model begins while the reservation is written; nothing leaves before it is."""

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tests.maas.gateway.scripted import ScriptedEngine, admin_of, hello, say

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import quota, remembered
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.watch import metrics
from shuyuan.maas.serving import interface as serving

Make = Callable[..., GatewayService]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@contextmanager
def held(database: db.Database) -> Iterator[threading.Event]:
    """The writer does nothing else until the event is set."""
    go = threading.Event()
    waiting = database.submit(lambda _uow: go.wait(20))
    try:
        yield go
    finally:
        go.set()
        waiting.result()


async def until(found: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if found():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came")


def test_the_model_begins_while_the_reservation_is_on_its_way_and_nothing_leaves_before_it(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal, database: db.Database
) -> None:
    async def run() -> str:
        await say(gateway, teacher)  # from now on the allowances are known
        with held(database) as go:
            call = asyncio.create_task(say(gateway, teacher))
            await until(lambda: len(engine.asked) == 2)
            await asyncio.sleep(0.05)
            assert not call.done()
            go.set()
            return await call

    assert asyncio.run(run()) == "Hello there"
    assert [call.outcome for call in gateway.calls(teacher)] == ["ok", "ok"]


def test_vectors_too_wait_for_their_reservation(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal, database: db.Database
) -> None:
    async def run() -> interface.Embedded:
        await gateway.embed(teacher, "embed", ["one"])
        with held(database) as go:
            call = asyncio.create_task(gateway.embed(teacher, "embed", ["two"]))
            await until(lambda: len(engine.askers) == 2)
            await asyncio.sleep(0.05)
            assert not call.done()
            go.set()
            return await call

    made = asyncio.run(run())
    assert made.vectors.shape == (1, 384)
    assert made.receipt.allowances


def test_who_never_called_before_is_reserved_for_first(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal, database: db.Database
) -> None:
    async def run() -> None:
        with held(database) as go:
            call = asyncio.create_task(say(gateway, teacher))
            await asyncio.sleep(0.1)
            assert engine.asked == []
            go.set()
            await call

    asyncio.run(run())


def test_near_the_limit_the_reservation_comes_first(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal, database: db.Database
) -> None:
    gateway.set_limits(admin_of(teacher), "account", teacher.account_id, tokens=None, requests=quota.PLENTY)

    async def run() -> None:
        await say(gateway, teacher)
        with held(database) as go:
            call = asyncio.create_task(say(gateway, teacher))
            await asyncio.sleep(0.1)
            assert len(engine.asked) == 1
            go.set()
            await call

    asyncio.run(run())


def test_what_was_begun_and_then_refused_gives_nothing_and_costs_nothing(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal, make_gateway: Make
) -> None:
    """Another process used the allowance up since this one last looked."""

    async def run() -> None:
        await say(gateway, teacher)
        make_gateway(ScriptedEngine()).set_limits(
            admin_of(teacher), "account", teacher.account_id, tokens=None, requests=1
        )
        said: list[str] = []
        with pytest.raises(interface.QuotaFull):
            async with gateway.chat(teacher, hello()) as answer:
                said.extend([delta.text async for delta in answer])
        assert said == []
        await gateway.drain()

    asyncio.run(run())
    assert len(engine.asked) == 2
    assert engine.closed == 1
    assert len(gateway.calls(teacher)) == 1
    used = next(one for one in gateway.usage(teacher) if one.scope == "account")
    assert (used.requests_used, used.tokens_reserved) == (1, 0)


@pytest.mark.parametrize("patience_s", [None, 0.05])
def test_a_call_that_ends_before_its_reservation_lands_holds_nothing(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal, database: db.Database, patience_s: float | None
) -> None:
    """It fails, or its caller leaves."""

    async def run() -> None:
        await say(gateway, teacher)
        engine.failure = serving.Overloaded("full", fix="wait", retry_after_s=1) if patience_s is None else None
        with held(database) as go:
            call = asyncio.create_task(asyncio.wait_for(say(gateway, teacher), patience_s))
            await until(lambda: len(engine.asked) == 2)
            if patience_s is not None:
                with pytest.raises(TimeoutError):
                    await call
            go.set()
            if patience_s is None:
                with pytest.raises(serving.Overloaded):
                    await call
        await gateway.drain()

    asyncio.run(run())
    assert all(one.tokens_reserved == 0 for one in gateway.usage(teacher))
    assert gateway.calls(teacher)[0].outcome == ("overloaded" if patience_s is None else "left")


def allowance(**more: int | datetime | None) -> interface.Allowance:
    known: dict[str, object] = {
        "tokens_limit": None,
        "tokens_used": 0,
        "tokens_reserved": 0,
        "requests_limit": None,
        "requests_used": 0,
    }
    known |= {"resets_at": NOW + timedelta(hours=1)}
    return interface.Allowance("account", "a", "day", **{**known, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "roomy"),
    [
        (allowance(), True),
        (allowance(tokens_limit=100 * (quota.PLENTY + 3)), True),
        (allowance(tokens_limit=100 * (quota.PLENTY + 3) - 1), False),
        (allowance(requests_limit=quota.PLENTY + 3), True),
        (allowance(requests_limit=quota.PLENTY + 3, requests_used=1), False),
        (allowance(streams_limit=quota.PLENTY + 4, streams_held=1), True),
        (allowance(streams_limit=quota.PLENTY + 3, streams_held=1), False),
        (allowance(resets_at=NOW), False),
        (allowance(starts_at=NOW + timedelta(days=1)), False),
    ],
)
def test_plenty_counts_tokens_requests_streams_and_days(known: interface.Allowance, roomy: bool) -> None:
    assert quota.plenty(known, 100, 3, NOW) is roomy


def test_what_a_school_has_left_is_shared_by_all_who_begin_early(
    gateway: GatewayService,
    engine: ScriptedEngine,
    teacher: Principal,
    identity: IdentityService,
    database: db.Database,
) -> None:
    people = [another(identity, database, teacher, n) for n in range(40)]
    gateway.set_limits(admin_of(teacher), "school", teacher.school_id, tokens=None, requests=40 + quota.PLENTY + 3)

    async def run() -> int:
        for person in people:
            await say(gateway, person)
        with held(database) as go:
            calls = [asyncio.create_task(say(gateway, person)) for person in people]
            await asyncio.sleep(0.3)
            assert len(engine.asked) - 40 <= 4  # beside those under way, twenty more must fit
            go.set()
            said = await asyncio.gather(*calls, return_exceptions=True)
        await gateway.drain()
        return sum(isinstance(one, str) for one in said)

    assert asyncio.run(run()) == quota.PLENTY + 3


def another(identity: IdentityService, database: db.Database, teacher: Principal, number: int) -> Principal:
    account_id = database.write(
        lambda uow: identity.create_account(
            uow, school_id=teacher.school_id, role="teacher", name="T", login=f"t{number}", secret=None
        )
    )
    return Principal(account_id, teacher.school_id, "teacher")


def test_the_end_of_an_old_call_brings_no_old_allowance_back(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal
) -> None:
    async def run() -> None:
        await say(gateway, teacher)
        engine.hold = asyncio.Event()
        long = asyncio.create_task(say(gateway, teacher))
        await until(lambda: len(engine.asked) == 2 and bool(gateway.calls(teacher)))
        await asyncio.sleep(0.05)
        gateway.set_limits(admin_of(teacher), "account", teacher.account_id, tokens=100, requests=2)
        engine.hold.set()
        await long
        engine.hold = None
        with pytest.raises(interface.QuotaFull):
            await say(gateway, teacher)

    asyncio.run(run())
    assert len(engine.asked) == 2


@pytest.mark.parametrize("n", [1, 4])
def test_several_choices_wait_for_one_reservation_once(
    gateway: GatewayService, engine: ScriptedEngine, teacher: Principal, database: db.Database, n: int
) -> None:
    async def run() -> float:
        async with gateway.chat(teacher, dataclasses.replace(hello(), n=n)) as answer:
            [delta async for delta in answer]
            return answer.receipt.overhead_ms

    async def waited() -> tuple[float, float]:
        await say(gateway, teacher)
        with held(database) as go:
            began = time.perf_counter()
            call = asyncio.create_task(run())
            await until(lambda: len(engine.asked) == 1 + n)
            await asyncio.sleep(0.3)
            go.set()
            return await call, (time.perf_counter() - began) * 1000

    overhead_ms, whole_ms = asyncio.run(waited())
    assert 100 < overhead_ms <= whole_ms, "counted once for each choice it would be longer than the call"


def test_what_was_begun_and_refused_counts_as_refused_and_not_as_a_call(
    gateway: GatewayService, teacher: Principal, make_gateway: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(metrics.live, "ended", lambda *_: told.append("ended"))
    monkeypatch.setattr(metrics.live, "refused", lambda _: told.append("refused"))

    async def run() -> None:
        await gateway.embed(teacher, "embed", ["one"])
        make_gateway(ScriptedEngine()).set_limits(
            admin_of(teacher), "account", teacher.account_id, tokens=None, requests=1
        )
        told.clear()
        before = metrics.tokens.labels("embed", "input")._value.get()
        with pytest.raises(interface.QuotaFull):
            await gateway.embed(teacher, "embed", ["two"])
        assert metrics.tokens.labels("embed", "input")._value.get() == before

    asyncio.run(run())
    assert told == ["refused"]


def test_what_is_refused_is_not_kept_for_the_next(
    gateway: GatewayService, teacher: Principal, make_gateway: Make
) -> None:
    admin = admin_of(teacher)

    async def run() -> interface.Embedded:
        gateway.set_terms(admin, dataclasses.replace(gateway.terms(admin), cache=True))
        await gateway.embed(teacher, "embed", ["one"])
        make_gateway(ScriptedEngine()).set_limits(admin, "account", teacher.account_id, tokens=None, requests=1)
        with pytest.raises(interface.QuotaFull):
            await gateway.embed(teacher, "embed", ["two"])
        gateway.set_limits(admin, "account", teacher.account_id, tokens=None, requests=None)
        return await gateway.embed(teacher, "embed", ["two"])

    assert asyncio.run(run()).receipt.cache == "miss"


def test_many_first_calls_of_one_caller_share_one_look_at_the_allowances(
    gateway: GatewayService, teacher: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Principal] = []

    def look(principal: Principal) -> list[interface.Allowance]:
        looks.append(principal)
        return gateway.usage(principal)

    books = remembered.Remembered(look)

    async def run() -> list[tuple[interface.Allowance, ...]]:
        return await asyncio.gather(*[books.known(teacher) for _ in range(50)])

    assert {len(one) for one in asyncio.run(run())} == {len(gateway.usage(teacher))}
    assert len(looks) == 1
