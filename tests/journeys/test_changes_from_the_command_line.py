"""What the owner of the machine changes on the command line reaches the running server within about a second."""

import re
import time

import httpx
import pytest
from tests.journeys import shell, world

from shuyuan.entrypoints import process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ABOUT_A_SECOND_S = 1.5


def test_a_key_made_offline_opens_the_running_server_until_it_is_revoked(demo_school: world.Live) -> None:
    home = demo_school.home
    made = shell.run("keys", "create", "dev", "--home", home)
    found = re.search(r"key (\w+) \(shown once\): (sk-[\w-]+)", made.out)
    assert found, made
    key_id, secret = found.groups()
    bearer = {"authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=demo_school.base_url, headers=bearer) as program:
        assert program.get("/v1/models").status_code == 200
        assert shell.run("keys", "revoke", "dev", key_id, "--home", home).code == 0
        time.sleep(ABOUT_A_SECOND_S)
        refused = program.get("/v1/models")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthenticated")


def test_an_account_made_offline_signs_in_and_a_reset_ends_its_session(demo_school: world.Live) -> None:
    home = demo_school.home
    made = shell.call("accounts", "create", "robin", "--role", "teacher", "--home", home)
    first = {"login": "robin", "password": made.out.strip().rpartition(": ")[2]}
    with process.sign_in(demo_school.base_url, first) as browser:
        assert browser.get("/api/session").json()["role"] == "teacher"
        reset = shell.call("accounts", "reset", "robin", "--home", home)
        time.sleep(ABOUT_A_SECOND_S)
        assert browser.get("/api/session").status_code == 401
    with pytest.raises(httpx.HTTPStatusError), process.sign_in(demo_school.base_url, first):
        pass
    second = {**first, "password": reset.out.strip().rpartition(": ")[2]}
    with process.sign_in(demo_school.base_url, second) as browser:
        assert browser.get("/api/session").json()["role"] == "teacher"
