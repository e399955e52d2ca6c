"""`kill -9` of the model worker while a chat streams: the call says so, the platform goes on, the books balance."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from tests.journeys import world

from shuyuan.maas.catalogue import starters

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
STORY = "Tell me a very long story about a river."


@pytest.fixture(scope="module")
def live(first_start: world.FirstStart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.Live]:
    """A demo school that serves the small model."""
    models = world.with_models("tiny", "embed")
    home = first_start.copy(tmp_path_factory.mktemp("models"))
    with world.serving(home, starter="tiny", environment=models) as running:
        yield running


def test_a_chat_cut_by_a_killed_worker_says_so_and_the_next_one_works(live: world.Live) -> None:
    key = live.running.demo()["api_key"]
    with openai.OpenAI(base_url=f"{live.base_url}/v1", api_key=key, max_retries=0, timeout=120) as client:
        with client.chat.completions.create(
            model="tiny", stream=True, max_tokens=1500, temperature=1.5, messages=[{"role": "user", "content": STORY}]
        ) as stream:
            chunks = iter(stream)
            for _ in range(3):
                next(chunks)
            killed = chat_worker(live)
            os.kill(killed, signal.SIGKILL)
            with pytest.raises(openai.APIError, match="tiny") as told:
                for _ in chunks:
                    pass
        assert told.value.code == "worker_lost"
        with live.browser("student") as student:
            assert student.get("/learn/today").status_code == 200
            assert world.answer_one(student)["saved"]
        answer = client.chat.completions.create(
            model="tiny", max_tokens=8, temperature=0, messages=[{"role": "user", "content": "Say hello."}]
        )
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert chat_worker(live) != killed
    with live.developer() as developer:
        world.until(lambda: all(call["status"] == "settled" for call in calls(developer)), "the settlement")
        second, first = calls(developer)
        assert (first["outcome"], second["outcome"]) == ("worker_lost", "ok")
        assert 0 < first["completion_tokens"] < 1500
        usage = developer.get("/api/usage").json()
    mine = next(one for one in usage["allowances"] if one["scope"] == "account")
    spent = sum(call["prompt_tokens"] + call["completion_tokens"] for call in (first, second))
    assert (mine["requests_used"], mine["tokens_used"], mine["tokens_reserved"]) == (2, spent, 0)


def calls(developer: httpx.Client) -> list[world.Json]:
    return list(developer.get("/api/usage/calls").raise_for_status().json()["calls"])


def chat_worker(live: world.Live) -> int:
    """The worker that holds the file of `tiny`."""
    file = starters.ENTRIES["tiny"].filename
    holding = [pid for pid in world.workers(live.mark) if file in Path(f"/proc/{pid}/maps").read_text()]
    assert len(holding) == 1, f"{len(holding)} workers hold {file}"
    return holding[0]
