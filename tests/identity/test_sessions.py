"""Signing in and out: sessions, links, throttling, revocation at once."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Literal

import argon2
import pytest
from sqlalchemy import select, update
from tests.identity.cast import PASSWORD, Cast

from shuyuan.identity import cache, passwords, tables, throttle
from shuyuan.identity.interface import Principal, SignedIn
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import errors


def wrong(school: Cast, login: str, times: int, client: str = "") -> None:
    for _ in range(times):
        with pytest.raises(errors.Unauthenticated):
            school.identity.sign_in(login, "not the password", client=client)


def backdate(school: Cast, seconds: float) -> None:
    """Let the failures be `seconds` older than they are."""
    with school.database.read() as conn:
        rows = conn.execute(select(tables.failure)).all()
    for row in rows:
        older = update(tables.failure).where(tables.failure.c.who == row.who)
        school.database.write(
            lambda uow, row=row, older=older: uow.conn.execute(  # type: ignore[misc]
                older.values(last_at=row.last_at - timedelta(seconds=seconds))
            )
        )


def test_a_session_knows_its_holder_until_sign_out(school: Cast) -> None:
    signed = school.identity.sign_in("north-teacher", PASSWORD)
    assert school.identity.principal_of_session(signed.token) == signed.principal
    assert signed.principal.groups == {school.class_.id}
    school.identity.sign_out(signed.principal)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(signed.token)
    assert school.identity.principal_of_session(school.signed["teacher"].token)  # the other session goes on


def test_a_session_ends_by_itself(school: Cast) -> None:
    signed = school.signed["teacher"]
    long_ago = datetime.now(UTC) - timedelta(seconds=1)
    school.database.write(lambda uow: uow.conn.execute(update(tables.session).values(expires_at=long_ago)))
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(signed.token)


def test_a_pupil_signs_in_with_full_width_digits_and_leading_zeros(school: Cast) -> None:
    code = school.class_.code
    signed = school.identity.sign_in_pupil(f" {code.lower()} ", "００1", "１２３４５６")
    assert signed.principal.account_id == school.learner_id
    assert school.identity.sign_in(f"{code}:1", "123456").principal.role == "student"


@pytest.mark.parametrize("login", ["north-teacher", "nobody-at-all"])
def test_a_wrong_password_and_an_unknown_login_look_the_same(school: Cast, login: str) -> None:
    with pytest.raises(errors.Unauthenticated) as refused:
        school.identity.sign_in(login, "not the password")
    assert refused.value.to_dict() == {
        "code": "unauthenticated",
        "message": "the login or the password is wrong",
        "fix": "check both; after 5 tries, wait",
    }


@pytest.mark.usefixtures("strong_hashes")
@pytest.mark.parametrize("login", ["north-teacher", "nobody-at-all", "ABCDEF:1"])
def test_an_unknown_login_costs_one_hash_like_a_known_one(
    school: Cast, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []

    class Counting(argon2.PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            verified.append(str(hash))
            return super().verify(hash, password)

    passwords._decoy(False), passwords._decoy(True)
    monkeypatch.setattr(passwords, "_PASSWORD", Counting())
    wrong(school, login, 1)
    assert len(verified) == 1
    assert ("m=8192,t=1" if ":" in login else "m=19456,t=2") in verified[0]


@pytest.mark.parametrize("login", ["north-teacher", "nobody-at-all"])
def test_after_five_failures_a_login_waits_and_the_pause_grows(school: Cast, login: str) -> None:
    wrong(school, login, 5)
    pauses = []
    for _ in range(3):
        with pytest.raises(errors.RateLimited) as refused:
            school.identity.sign_in(login, PASSWORD)
        pauses.append(refused.value.retry_after_s)
        backdate(school, 10)
        wrong(school, login, 1)
    assert 0 < pauses[0] <= 1 < pauses[1] <= 2 < pauses[2] <= 4


def test_a_right_password_after_the_pause_clears_the_count(school: Cast) -> None:
    wrong(school, "north-teacher", 5)
    backdate(school, 2)
    school.identity.sign_in("north-teacher", PASSWORD)
    wrong(school, "north-teacher", 5)  # five free ones again


def test_old_failures_are_forgotten(school: Cast) -> None:
    wrong(school, "north-teacher", 5)
    backdate(school, throttle.LOGIN.forget_s + 1)
    wrong(school, "north-teacher", 5)


def test_a_hundred_guesses_at_once_gain_nothing(school: Cast) -> None:
    outcomes: list[type[Exception]] = []

    def guess() -> None:
        try:
            school.identity.sign_in("north-teacher", "not the password")
        except errors.ShuyuanError as refused:
            outcomes.append(type(refused))

    threads = [threading.Thread(target=guess) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(errors.Unauthenticated) <= throttle.LOGIN.free + 1
    assert outcomes.count(errors.RateLimited) >= 34


def test_fifty_failures_from_one_client_slow_that_client_only(school: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "CLIENT", throttle.Limit(free=3, step=10, max_s=60, forget_s=900))
    for guess in range(3):
        wrong(school, f"somebody-{guess}", 1, client="10.0.0.9")
    with pytest.raises(errors.RateLimited):
        school.identity.sign_in("north-teacher", PASSWORD, client="10.0.0.9")
    assert school.identity.sign_in("north-teacher", PASSWORD, client="10.0.0.8").token


def test_the_client_limit_is_fifty_and_the_login_limit_five() -> None:
    assert (throttle.LOGIN.free, throttle.CLIENT.free) == (5, 50)
    assert [throttle.LOGIN.pause_s(n) for n in (4, 5, 6, 40)] == [0.0, 1.0, 2.0, 900.0]
    assert [throttle.CLIENT.pause_s(n) for n in (49, 50, 60, 400)] == [0.0, 1.0, 2.0, 60.0]


def test_a_class_behind_one_address_is_not_held_back_by_its_number(school: Cast) -> None:
    for _ in range(throttle.CLIENT.free + 5):
        school.identity.sign_in_pupil(school.class_.code, "1", "123456", client="10.0.0.9")


def test_revoking_sessions_takes_effect_at_once(school: Cast) -> None:
    token = school.signed["teacher"].token
    school.identity.principal_of_session(token)
    school.identity.revoke_sessions(school.who("admin"), school.who("teacher").account_id)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(token)
    with pytest.raises(errors.Forbidden):
        school.identity.revoke_sessions(school.who("developer"), school.who("teacher").account_id)


@pytest.fixture
def another_process(school: Cast) -> IdentityService:
    """Another identity on the same database: what a second process is."""
    platform = school.platform
    return IdentityService(platform.get("db"), platform.get("vault"), platform.get("audit"))


def test_what_another_process_revokes_ends_when_the_cached_principal_is_a_second_old(
    school: Cast, another_process: IdentityService, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = school.signed["teacher"].token
    school.identity.principal_of_session(token)
    another_process.revoke_sessions(school.who("admin"), school.who("teacher").account_id)
    assert school.identity.principal_of_session(token), "still cached"
    later = time.monotonic() + cache.TTL_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(token)


def test_a_principal_read_before_a_revocation_is_never_kept_after_it(school: Cast) -> None:
    held = cache.PrincipalCache()

    def load_while_somebody_revokes() -> object:
        held.clear()
        return school.who("teacher")

    held.get("t", load_while_somebody_revokes)  # type: ignore[arg-type]
    assert held.peek("t") is None


def test_one_caller_looks_an_ageing_principal_up_and_the_others_go_on(
    school: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, loaded = cache.PrincipalCache(), list[str]()

    def load() -> Principal:
        loaded.append(held.get("t", load).role if loaded else "first")  # somebody else asks while this one looks
        return school.who("teacher")

    held.get("t", load)
    assert not held.ageing("t")
    old = time.monotonic() + cache.RENEW_S
    monkeypatch.setattr(time, "monotonic", lambda: old)
    assert held.ageing("t")
    assert held.peek("t") is not None
    held.get("t", load)
    assert loaded == ["first", "teacher"], "the second look was one, and whoever asked meanwhile had the principal"
    assert not held.ageing("t")
    monkeypatch.setattr(time, "monotonic", lambda: old + cache.RENEW_S)
    assert held.peek("t") is not None, "it lives from its second look on"


def test_an_ageing_principal_that_is_no_more_is_forgotten_by_the_look(
    school: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cache.PrincipalCache()
    held.get("t", lambda: school.who("teacher"))
    old = time.monotonic() + cache.RENEW_S
    monkeypatch.setattr(time, "monotonic", lambda: old)

    def load() -> Principal:
        raise errors.Unauthenticated("the key is revoked", fix="create a new key")

    with pytest.raises(errors.Unauthenticated):
        held.get("t", load)
    assert held.peek("t") is None


def test_a_link_opens_once(school: Cast) -> None:
    token = school.identity.create_link("demo", school_id=school.school_id)
    assert school.identity.peek_link(token).purpose == "demo"
    assert school.identity.consume_link(token).school_id == school.school_id
    for use in (school.identity.consume_link, school.identity.peek_link):
        with pytest.raises(errors.NotFound):
            use(token)


def test_of_two_who_use_a_link_at_once_one_gets_in(school: Cast) -> None:
    token = school.identity.create_link("demo")
    outcomes: list[bool] = []

    def use() -> None:
        try:
            school.identity.consume_link(token)
            outcomes.append(True)
        except errors.NotFound:
            outcomes.append(False)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) == 1


def test_a_link_is_good_for_a_quarter_of_an_hour(school: Cast) -> None:
    token = school.identity.create_link("demo")
    left = school.identity.peek_link(token).expires_at - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    expired = school.identity.create_link("demo", ttl_s=-1)
    with pytest.raises(errors.NotFound):
        school.identity.consume_link(expired)


def test_the_first_administrator_comes_by_link_and_a_bad_password_does_not_use_it_up(school: Cast) -> None:
    identity, token = school.identity, school.identity.create_link("first_admin")

    def create(login: str, secret: str = PASSWORD) -> SignedIn:
        return identity.create_first_admin(token, school_name="East", name="周老师", login=login, secret=secret)

    with pytest.raises(errors.BadInput):
        create("zhou", "short")
    with pytest.raises(errors.Conflict):
        create("north-admin")
    signed = create("zhou")
    assert (signed.principal.role, identity.school(signed.principal.school_id).name) == ("admin", "East")
    with pytest.raises(errors.NotFound):
        create("zhou2")


def test_a_link_for_something_else_makes_no_administrator(school: Cast) -> None:
    token = school.identity.create_link("demo")
    with pytest.raises(errors.NotFound):
        school.identity.create_first_admin(token, school_name="E", name="N", login="zhou", secret=PASSWORD)
    assert school.identity.peek_link(token).purpose == "demo"


def test_nobody_enters_as_an_unknown_or_closed_account(school: Cast) -> None:
    school.identity.set_active(school.who("admin"), school.learner_id, False)
    for account_id in ("0" * 26, school.learner_id):
        with pytest.raises(errors.NotFound):
            school.identity.sign_in_as(account_id)
