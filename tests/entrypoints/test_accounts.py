"""`accounts` and `keys` on the machine itself."""

import re
from pathlib import Path

import pytest
from tests.journeys import shell

from shuyuan.entrypoints import installation
from shuyuan.kernel import errors


def signs_in(home: Path, login: str, password: str) -> bool:
    with installation.opened(home) as platform:
        try:
            platform.get("identity").sign_in(login, password)
        except errors.Unauthenticated:
            return False
    return True


def test_a_new_accounts_password_is_printed_and_signs_in(home: Path) -> None:
    said = shell.call("accounts", "create", "ada", "--role", "teacher", "--name", "[Ada] L.", "--home", home)
    assert said.code == 0
    assert signs_in(home, "ada", said.out.strip().rpartition(": ")[2])
    listed = shell.call("accounts", "list", "--home", home)
    assert "[Ada] L." in listed.words
    assert "向阳中学" in listed.words
    assert (
        "[Ada] L." in shell.call("accounts", "list", "--role", "teacher", "--school", "向阳中学", "--home", home).words
    )
    assert "[Ada] L." not in shell.call("accounts", "list", "--role", "admin", "--home", home).words


def test_whoever_has_no_login_at_hand_names_an_account_by_id_or_name_and_wide_names_stay_whole(home: Path) -> None:
    wide = "Professor Wilhelmina Featherstonehaugh-Cholmondeley of Learning"
    shell.call("accounts", "create", "ada", "--role", "developer", "--name", wide, "--home", home)
    listed = shell.call("accounts", "list", "--home", home).out
    assert wide in listed, "piped, a line is as wide as its words"
    found = re.search(r"(\w{20,}) +│ developer", listed)
    assert found
    assert shell.call("keys", "create", found[1], "--home", home).code == 0
    assert "command line" in shell.call("keys", "list", wide, "--home", home).out
    refused = shell.call("keys", "create", "developer", "--home", home)
    assert (refused.code, found[1] in refused.err) == (1, True)


def test_a_reset_replaces_the_password(home: Path) -> None:
    first = shell.call("accounts", "create", "ada", "--home", home).out.strip().rpartition(": ")[2]
    second = shell.call("accounts", "reset", "ada", "--home", home).out.strip().rpartition(": ")[2]
    assert first != second
    assert not signs_in(home, "ada", first)
    assert signs_in(home, "ada", second)


def test_a_second_school_must_be_named_from_then_on(home: Path) -> None:
    assert shell.call("accounts", "create", "ada", "--school", "Another School", "--home", home).code == 0
    said = shell.call("accounts", "create", "bob", "--home", home)
    assert (said.code, "there are 2 schools" in said.err) == (1, True)
    assert shell.call("accounts", "create", "bob", "--school", "Another School", "--home", home).code == 0


def test_a_key_opens_what_was_asked_for_and_lasts_as_long(home: Path) -> None:
    words = ("keys", "create", "head", "--home", home)
    made = shell.call(*words, "--scope", "models", "--scope", "admin", "--days", "never")
    assert (made.code, "scopes: admin, models; expires: never" in made.words) == (0, True)
    listed = shell.call("keys", "list", "head", "--home", home).words
    assert ("admin" in listed, "never" in listed) == (True, True)
    assert "scopes: models; expires: 20" in shell.call(*words, "--days", "7").words
    for given, says, fix in (
        (("--scope", "everything"), "'everything' is unknown", "models, learning, admin"),
        (("--days", "soon"), "'soon' is no number of days", "or never"),
        (("--days", "99999"), "cannot last 99999 days", "1 to 3650"),
    ):
        refused = shell.call(*words, *given)
        assert (refused.code, says in refused.err, fix in refused.err) == (1, True, True), refused.err


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(home: Path) -> None:
    made = shell.call("keys", "create", "head", "--name", "[lab]", "--home", home).out
    found = re.search(r"key (\w+) \(shown once\): (sk-[\w-]+)", made)
    assert found
    key_id, secret = found.groups()
    listed = shell.call("keys", "list", "head", "--home", home).out
    assert key_id in listed
    assert "[lab]" in listed
    assert secret not in listed
    with installation.opened(home) as platform:
        assert platform.get("identity").principal_of_key(secret).role == "admin"
    assert shell.call("keys", "revoke", "head", key_id, "--home", home).code == 0
    with installation.opened(home) as platform, pytest.raises(errors.Unauthenticated):
        platform.get("identity").principal_of_key(secret)
