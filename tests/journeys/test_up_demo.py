"""`up --demo`: what it prints and writes, the single-use link, a second start, Ctrl-C that leaves nothing behind."""

import contextlib
import os
import signal
import socket
import stat
from pathlib import Path

import httpx
import pytest
from tests.journeys import world

from shuyuan.entrypoints import process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
KEYS = {"base_url", "school", "api_key", "accounts"}
ROLES = {"teacher", "student", "admin", "developer"}


def test_a_first_start_prints_ready_a_link_and_writes_demo_json(first_start: world.FirstStart) -> None:
    assert first_start.base_url.startswith("http://127.0.0.1:")
    assert f"{first_start.base_url}/enter/" in first_start.lines[0]
    assert any(line.endswith("demo.json") for line in first_start.lines)
    assert first_start.demo_json_mode == 0o600
    assert set(first_start.told) >= KEYS
    assert first_start.told["base_url"] == first_start.base_url
    assert {account["role"] for account in first_start.told["accounts"]} == ROLES
    assert all(account["login"] and account["password"] for account in first_start.told["accounts"])


def test_the_printed_link_lets_one_browser_in_once(demo_school: world.Live) -> None:
    assert demo_school.link is not None
    teacher = {"account_id": demo_school.account("teacher")["id"]}
    with demo_school.browser() as first, demo_school.browser() as second:
        assert first.get(demo_school.link).status_code == 200
        entered = first.post(f"{demo_school.link}/as", data=teacher)
        assert (entered.status_code, entered.headers["location"]) == (303, "/teach/today")
        assert first.get("/teach/today").status_code == 200
        assert second.get(demo_school.link).status_code == 404
        assert second.post(f"{demo_school.link}/as", data=teacher).status_code == 404
        assert second.get("/api/session").status_code == 401


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_account_of_demo_json_signs_in(demo_school: world.Live, role: str) -> None:
    with demo_school.browser(role) as client:
        who = client.get("/api/session").json()
    assert (who["role"], who["school"]["demo"]) == (role, True)


def test_the_key_of_demo_json_opens_the_model_api(demo_school: world.Live) -> None:
    with demo_school.developer() as client:
        assert client.get("/v1/models").json()["object"] == "list"
        client.headers["authorization"] += "x"
        assert client.get("/v1/models").status_code == 401


def test_ctrl_c_stops_everything_and_a_second_start_keeps_accounts_key_and_history(
    first_start: world.FirstStart, tmp_path: Path
) -> None:
    home = first_start.copy(tmp_path)
    with world.serving(home) as live, live.browser("student") as student:
        learner, before = live.account("student")["id"], live.running.demo()
        world.answer_one(student)
        answers = world.history(student, learner)
        ctrl_c(live)
        assert live.running.child.returncode == 0
        assert world.processes(live.mark) == {}
    with world.serving(home) as again, again.browser("student") as student, again.developer() as developer:
        told = again.running.demo()
        assert {**told, "base_url": ""} == {**before, "base_url": ""}
        assert told["base_url"] == again.base_url != before["base_url"]
        assert stat.S_IMODE((home / "demo.json").stat().st_mode) == 0o600
        assert world.history(student, learner) == answers
        assert developer.get("/v1/models").status_code == 200
        assert again.link not in (None, live.link)


def test_ctrl_c_in_the_middle_of_a_chat_stops_the_model_worker_too(
    first_start: world.FirstStart, tmp_path: Path
) -> None:
    models = world.with_models("tiny", "embed")
    body = {
        "model": "tiny",
        "stream": True,
        "max_tokens": 1500,
        "temperature": 1.5,
        "messages": [{"role": "user", "content": "Tell me a very long story about a river."}],
    }
    with world.serving(first_start.copy(tmp_path), starter="tiny", environment=models) as live:
        with live.developer() as developer, developer.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("data: ")
            assert world.workers(live.mark)
            ctrl_c(live)
            with contextlib.suppress(httpx.TransportError):  # cut off, or told so in a last event
                assert "data: [DONE]" not in list(lines)
        assert live.running.child.returncode == 0
        assert world.processes(live.mark) == {}


def test_a_termination_stops_a_download_under_way_too(first_start: world.FirstStart, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # an index that never answers
        index = {
            "PIP_INDEX_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/simple",
            "PIP_CONFIG_FILE": os.devnull,
            "SHUYUAN_CACHE": str(tmp_path / "cache"),
        }
        with world.serving(first_start.copy(tmp_path), starter="tiny", environment=index) as live:
            world.until(lambda: any("pip" in line for line in world.processes(live.mark).values()), "a download")
            with live.browser("student") as student:
                assert student.get("/learn/today").status_code == 200
            live.running.child.send_signal(signal.SIGTERM)
            live.running.child.wait(process.STOP_TIMEOUT_S)
            assert world.processes(live.mark) == {}


def ctrl_c(live: world.Live) -> None:
    """What a terminal does: SIGINT to the whole group in front."""
    os.killpg(live.running.child.pid, signal.SIGINT)
    live.running.child.wait(process.STOP_TIMEOUT_S)
