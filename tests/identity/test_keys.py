"""API keys: shown once, hashed, scoped, expiring, revoked at once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from tests.identity.cast import Cast

from shuyuan.identity import keys, tables
from shuyuan.identity.access import ACCESS
from shuyuan.identity.interface import KEY_SCOPES, Role
from shuyuan.kernel import errors


def test_a_key_acts_for_its_owner_within_its_scopes(school: Cast) -> None:
    key = school.identity.create_key(school.who("teacher"), "laptop")
    principal = school.identity.principal_of_key(key.secret)
    assert (principal.account_id, principal.role) == (school.who("teacher").account_id, "teacher")
    assert (principal.scopes, principal.key_id, principal.session_id) == (frozenset({"models"}), key.id, None)


def test_the_secret_is_never_listed(school: Cast) -> None:
    key = school.identity.create_key(school.who("teacher"), "laptop")
    listed = school.identity.keys(school.who("teacher"))
    assert [(k.id, k.name, k.prefix) for k in listed] == [(key.id, "laptop", key.secret[:10])]
    assert key.secret not in repr(listed)
    assert school.identity.keys(school.who("developer")) == []


def test_a_key_carries_the_age_band_it_was_made_for(school: Cast) -> None:
    who = school.who("teacher")
    made = school.identity.create_key(who, "class app", age_band="child")
    plain = school.identity.create_key(who, "laptop")
    assert (made.age_band, plain.age_band) == ("child", None)
    assert school.identity.principal_of_key(made.secret).age_band == "child"
    assert school.identity.principal_of_key(plain.secret).age_band is None
    assert {key.name: key.age_band for key in school.identity.keys(who)} == {"class app": "child", "laptop": None}
    with pytest.raises(errors.BadInput, match="toddler"):
        school.identity.create_key(who, "odd", age_band="toddler")  # type: ignore[arg-type]  # refused


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        ("teacher", "admin"),
        ("developer", "admin"),
        ("student", "learning"),
        ("guardian", "models"),
    ],
)
def test_a_key_gets_no_scope_beyond_its_owners(school: Cast, role: Role, scope: str) -> None:
    with pytest.raises(errors.Forbidden):
        school.identity.create_key(school.who(role), "more", scopes=(scope,))


def test_an_unknown_scope_is_told_apart_from_one_that_is_not_granted(school: Cast) -> None:
    with pytest.raises(errors.BadInput, match="scope 'foo' is unknown") as told:
        school.identity.create_key(school.who("developer"), "more", scopes=("foo",))
    assert told.value.fix == "use " + ", ".join(KEY_SCOPES)


def test_an_administrator_lists_every_key_of_the_school_with_its_owner_and_no_secret(school: Cast) -> None:
    made = school.identity.create_key(school.who("developer"), "app")
    (listed,) = school.identity.school_keys(school.who("admin"))
    assert (listed.id, listed.name, listed.account_id) == (made.id, "app", school.who("developer").account_id)
    assert made.secret not in repr(listed)
    with pytest.raises(errors.Forbidden):
        school.identity.school_keys(school.who("developer"))


@pytest.mark.parametrize("role", ["student", "guardian"])
def test_who_could_call_nothing_with_a_key_gets_none_and_is_told_why(school: Cast, role: Role) -> None:
    with pytest.raises(errors.Forbidden, match=f"a {role}'s account has no API keys") as told:
        school.identity.create_key(school.who(role), "phone")
    assert "developer" in told.value.fix
    assert school.identity.keys(school.who(role)) == []


def test_every_grantable_scope_opens_some_address_to_the_role() -> None:
    for role, scopes in keys.GRANTABLE.items():
        for scope in scopes:
            assert [key for key, rule in ACCESS.items() if role in rule.roles and rule.scope == scope], (role, scope)


def test_a_key_does_not_make_a_mightier_key(school: Cast) -> None:
    small = school.identity.principal_of_key(school.identity.create_key(school.who("admin"), "small").secret)
    with pytest.raises(errors.Forbidden):
        school.identity.create_key(small, "bigger", scopes=("admin",))


def test_a_key_expires(school: Cast) -> None:
    key = school.identity.create_key(school.who("teacher"), "laptop", expires_in_days=1)
    assert key.expires_at is not None
    assert timedelta(hours=23) < key.expires_at - datetime.now(UTC) <= timedelta(days=1)
    past = update(tables.key).values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    school.database.write(lambda uow: uow.conn.execute(past))
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_key(key.secret)


def test_a_key_without_an_end_does_not_expire_and_silly_spans_are_refused(school: Cast) -> None:
    assert school.identity.create_key(school.who("teacher"), "for ever", expires_in_days=None).expires_at is None
    for days in (0, -1, 4000):
        with pytest.raises(errors.BadInput):
            school.identity.create_key(school.who("teacher"), "k", expires_in_days=days)


def test_revoking_takes_effect_at_once(school: Cast) -> None:
    key = school.identity.create_key(school.who("teacher"), "laptop")
    school.identity.principal_of_key(key.secret)
    school.identity.revoke_key(school.who("teacher"), key.id)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_key(key.secret)
    assert school.identity.keys(school.who("teacher"))[0].revoked_at is not None


def test_only_the_owner_and_the_schools_administrators_revoke_a_key(school: Cast, other: Cast) -> None:
    key = school.identity.create_key(school.who("teacher"), "laptop")
    for stranger in (school.who("developer"), other.who("admin")):
        with pytest.raises(errors.NotFound):
            school.identity.revoke_key(stranger, key.id)
    assert school.identity.principal_of_key(key.secret)
    school.identity.revoke_key(school.who("admin"), key.id)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_key(key.secret)


def test_use_is_noted_once_an_hour(school: Cast) -> None:
    key = school.identity.create_key(school.who("teacher"), "laptop")
    assert school.identity.keys(school.who("teacher"))[0].last_used_at is None
    school.identity.principal_of_key(key.secret)
    assert school.identity.keys(school.who("teacher"))[0].last_used_at is not None


def test_there_is_a_cap_on_keys(school: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 2)
    first = school.identity.create_key(school.who("teacher"), "1")
    school.identity.create_key(school.who("teacher"), "2")
    with pytest.raises(errors.Conflict):
        school.identity.create_key(school.who("teacher"), "3")
    school.identity.revoke_key(school.who("teacher"), first.id)
    assert school.identity.create_key(school.who("teacher"), "3").id
