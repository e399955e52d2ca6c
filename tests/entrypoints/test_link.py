"""`shuyuan link`: a fresh way in, with the server running or not."""

import re
from pathlib import Path

import httpx
import pytest
from tests.journeys import shell, world


def printed(said: shell.Said) -> str:
    """The link a command printed."""
    assert said.code == 0, said.err
    found = re.search(r"https?://\S+/enter/\S+", said.out)
    assert found, said.out
    return found.group()


def test_a_link_into_a_running_demo_opens_once_and_a_used_one_names_the_command(
    first_start: world.FirstStart, tmp_path: Path
) -> None:
    home = first_start.copy(tmp_path)
    with world.serving(home) as live:
        said = shell.call("link", "--home", home)
        link = printed(said)
        assert link.startswith(live.running.base_url)
        assert "start `shuyuan up`" not in said.out
        assert link != printed(shell.call("link", "--home", home)), "each is fresh"
        assert httpx.get(link, follow_redirects=True).status_code == 200
        used = httpx.get(f"{live.running.base_url}/enter/used-or-unknown", headers={"accept-language": "en"})
        assert (used.status_code, "shuyuan link" in used.text) == (404, True)
    assert "start `shuyuan up` first" in shell.call("link", "--home", home).out


def test_a_link_makes_the_first_administrator_of_a_new_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with world.serving(home, demo=False) as live:
        link = printed(shell.call("link", "--home", home))
        assert link.startswith(live.running.base_url)
        assert httpx.get(link, follow_redirects=True).status_code == 200


@pytest.mark.parametrize("where", ["HOME", "NEW"])
def test_a_real_school_is_entered_by_signing_in_and_no_home_by_nothing(where: str, home: Path, tmp_path: Path) -> None:
    said = shell.call("link", "--home", {"HOME": home, "NEW": tmp_path / "new"}[where])
    assert said.code == 1
    assert ("accounts reset" if where == "HOME" else "shuyuan up") in said.err
