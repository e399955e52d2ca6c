"""Accounts: who can be created, seen, changed; names that nobody reads in the raw file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from tests.identity.cast import PASSWORD, Cast

from shuyuan.identity import offline, tables
from shuyuan.identity.interface import Role
from shuyuan.kernel import audit, errors


def create(school: Cast, login: str, *, secret: str | None = PASSWORD, name: str = "New Person") -> str:
    return school.database.write(
        lambda uow: school.identity.create_account(
            uow, school_id=school.school_id, role="teacher", name=name, login=login, secret=secret
        )
    )


def test_a_new_account_can_sign_in_with_its_login_in_any_case(school: Cast) -> None:
    account_id = create(school, "Wang.Li")
    assert school.identity.sign_in(" wang.LI ", PASSWORD).principal.account_id == account_id


def test_a_login_is_taken_once_in_the_whole_installation(school: Cast, other: Cast) -> None:
    create(school, "wang")
    with pytest.raises(errors.Conflict) as refused:
        create(other, "WANG")
    assert refused.value.error_code == "login_taken"


@pytest.mark.parametrize("secret", ["short", "aaaaaaaaaaaa", "x" * 201])
def test_a_weak_password_is_refused(school: Cast, secret: str) -> None:
    with pytest.raises(errors.BadInput) as refused:
        create(school, "wang", secret=secret)
    assert refused.value.error_code == "weak_password"


@pytest.mark.parametrize(("login", "name"), [("a", "Name"), ("two words", "Name"), ("wang", "  "), ("wang", "x" * 65)])
def test_a_login_or_name_that_does_not_do_is_refused(school: Cast, login: str, name: str) -> None:
    with pytest.raises(errors.BadInput):
        create(school, login, name=name)


def test_an_account_without_a_secret_cannot_sign_in(school: Cast) -> None:
    create(school, "wang", secret=None)
    with pytest.raises(errors.Unauthenticated):
        school.identity.sign_in("wang", "")


def test_an_administrator_sees_everyone_of_the_school_and_nobody_else(school: Cast, other: Cast) -> None:
    names = {account.name for account in school.identity.accounts(school.who("admin"))}
    assert names == {f"{role} of north" for role in ("admin", "teacher", "guardian", "developer", "pupil")}
    with pytest.raises(errors.Forbidden):
        school.identity.accounts(school.who("teacher"))


def test_who_may_see_whose_name(school: Cast, other: Cast) -> None:
    see = school.identity.account
    assert see(school.who("student"), school.who("teacher").account_id).name == "teacher of north"
    assert see(school.who("teacher"), school.learner_id).name == "pupil of north"
    roles: tuple[Role, ...] = ("student", "guardian", "developer")
    for role in roles:
        with pytest.raises(errors.NotFound):
            see(school.who(role), school.who("guardian" if role != "guardian" else "student").account_id)
    for role in ("admin", "teacher", "student"):
        with pytest.raises(errors.NotFound):
            see(other.who(role), school.who("teacher").account_id)


def test_a_role_change_takes_effect_at_once_and_ends_the_keys_of_the_old_role(school: Cast) -> None:
    teacher, token = school.who("teacher"), school.signed["teacher"].token
    key = school.identity.create_key(teacher, "mine", scopes=("models", "learning"))
    assert school.identity.principal_of_session(token).role == "teacher"
    school.identity.set_role(school.who("admin"), teacher.account_id, "developer")
    assert school.identity.principal_of_session(token).role == "developer"
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_key(key.secret)


def test_pupils_do_not_become_staff_nor_staff_pupils(school: Cast) -> None:
    with pytest.raises(errors.Conflict):
        school.identity.set_role(school.who("admin"), school.learner_id, "admin")
    with pytest.raises(errors.BadInput):
        school.identity.set_role(school.who("admin"), school.who("teacher").account_id, "student")


def test_the_last_administrator_stays(school: Cast) -> None:
    admin = school.who("admin")
    with pytest.raises(errors.Conflict):
        school.identity.set_active(admin, admin.account_id, False)
    with pytest.raises(errors.Conflict):
        school.identity.set_role(admin, admin.account_id, "teacher")


def test_a_deactivated_account_loses_session_and_key_at_once_and_cannot_sign_in(school: Cast) -> None:
    teacher, token = school.who("teacher"), school.signed["teacher"].token
    key = school.identity.create_key(teacher, "mine")
    school.identity.principal_of_session(token), school.identity.principal_of_key(key.secret)
    school.identity.set_active(school.who("admin"), teacher.account_id, False)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(token)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_key(key.secret)
    with pytest.raises(errors.Unauthenticated):
        school.identity.sign_in("north-teacher", PASSWORD)
    school.identity.set_active(school.who("admin"), teacher.account_id, True)
    assert school.identity.sign_in("north-teacher", PASSWORD).principal.account_id == teacher.account_id
    for ask, secret in ((school.identity.principal_of_session, token), (school.identity.principal_of_key, key.secret)):
        with pytest.raises(errors.Unauthenticated):
            ask(secret)  # what has ended does not come back


def test_an_inactive_account_holds_nothing_even_if_a_session_and_a_key_are_left(school: Cast) -> None:
    token, key = school.signed["teacher"].token, school.identity.create_key(school.who("teacher"), "mine")
    off = update(tables.account).where(tables.account.c.id == school.who("teacher").account_id).values(active=False)
    school.database.write(lambda uow: uow.conn.execute(off))
    for ask, secret in ((school.identity.principal_of_session, token), (school.identity.principal_of_key, key.secret)):
        with pytest.raises(errors.Unauthenticated):
            ask(secret)


def test_a_new_password_ends_every_session(school: Cast) -> None:
    token = school.signed["teacher"].token
    school.identity.principal_of_session(token)
    school.identity.change_password(school.who("teacher"), PASSWORD, "another horse 8")
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(token)
    with pytest.raises(errors.Unauthenticated):
        school.identity.sign_in("north-teacher", PASSWORD)
    assert school.identity.sign_in("north-teacher", "another horse 8").token


def test_ones_own_password_changes_only_with_the_current_one(school: Cast) -> None:
    with pytest.raises(errors.Forbidden):
        school.identity.change_password(school.who("teacher"), "not my password", "another horse 8")


def test_a_name_can_be_corrected_and_a_language_chosen(school: Cast) -> None:
    teacher = school.who("teacher")
    school.database.write(
        lambda uow: school.identity.rename(
            uow, school_id=school.school_id, account_id=teacher.account_id, name="林 老师"
        )
    )
    school.identity.set_language(teacher, "en")
    account = school.identity.account(teacher, teacher.account_id)
    assert (account.name, account.language) == ("林 老师", "en")
    assert school.identity.principal_of_session(school.signed["teacher"].token).language == "en"


def test_another_schools_accounts_are_not_there(school: Cast, other: Cast) -> None:
    admin, theirs = other.who("admin"), school.who("teacher").account_id
    attempts: list[Callable[[], object]] = [
        lambda: school.identity.set_role(admin, theirs, "developer"),
        lambda: school.identity.set_active(admin, theirs, False),
        lambda: school.identity.revoke_sessions(admin, theirs),
        lambda: school.database.write(
            lambda uow: school.identity.set_secret(
                uow, school_id=other.school_id, account_id=theirs, secret=PASSWORD, actor_id=admin.account_id
            )
        ),
    ]
    for attempt in attempts:
        with pytest.raises(errors.NotFound):
            attempt()


def test_names_logins_and_secrets_are_nowhere_in_the_raw_tables(school: Cast) -> None:
    create(school, "secret.login", name="欧阳小宇")
    key = school.identity.create_key(school.who("teacher"), "mine")
    raw = raw_bytes(school)
    for personal in (
        "欧阳小宇",
        "pupil of north",
        "secret.login",
        PASSWORD,
        "123456:",
        key.secret,
        school.signed["teacher"].token,
    ):
        assert personal.encode() not in raw, personal
    assert b"Class of north" in raw  # the search does find what is stored in the clear


def raw_bytes(school: Cast) -> bytes:
    """Everything the database holds: the very files of SQLite, each value of each table of PostgreSQL."""
    if school.database.dialect == "sqlite":
        path = Path(str(school.database.engine.url.database))
        return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*") if file.is_file())
    parts: list[bytes] = []
    with school.database.read() as conn:
        for table in tables.account.metadata.sorted_tables:
            for row in conn.execute(text(f"SELECT * FROM {table.name}")):
                parts += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\0".join(parts)


def test_offline_creation_and_reset_work_without_a_server(school: Cast) -> None:
    vault = school.platform.get("vault")
    account_id, password = offline.create(school.database, vault, role="admin", name="IT", login="it", school="north")
    assert school.identity.sign_in("it", password).principal.account_id == account_id
    renewed = offline.reset(school.database, vault, login="IT")
    assert school.identity.sign_in("it", renewed).principal.role == "admin"
    with pytest.raises(errors.Unauthenticated):
        school.identity.sign_in("it", password)


def test_offline_creation_asks_which_school_and_makes_a_new_one_by_name(school: Cast, other: Cast) -> None:
    vault = school.platform.get("vault")
    with pytest.raises(errors.BadInput, match="2 schools"):
        offline.create(school.database, vault, role="admin", name="IT", login="it")
    offline.create(school.database, vault, role="admin", name="IT", login="it", school="East")
    assert [s.name for s in school.identity.schools()] == ["north", "south", "East"]
    with pytest.raises(errors.NotFound):
        offline.reset(school.database, vault, login="nobody")


def test_an_unknown_school_is_not_there_and_a_nameless_one_is_refused(school: Cast) -> None:
    with pytest.raises(errors.NotFound):
        school.identity.school("0" * 26)
    with pytest.raises(errors.BadInput):
        school.identity.create_school("  ")
    assert school.identity.school(school.school_id).age_line == 13


def test_every_change_is_in_the_audit_trail_and_the_chain_holds(school: Cast) -> None:
    account_id = create(school, "wang")
    school.identity.set_active(school.who("admin"), account_id, False)
    with school.database.read() as conn:
        of_account = select(audit.entry.c.action).where(audit.entry.c.object_id == account_id)
        actions = conn.execute(of_account).scalars().all()
        assert school.platform.get("audit").verify(conn).fault is None
    assert actions == ["account.created", "account.deactivated"]
