"""Gateway and serving run without learning; learning runs against any OpenAI-compatible server.

The second test uses the first one's server as that other server.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest
from tests.journeys import shell, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LEARNING = tuple(f"/api/{word}" for word in ("classes", "learners", "courses", "attempts", "assignments", "loop"))


@dataclass(frozen=True)
class ModelPlane:
    """`shuyuan serve`, and a key that opens it."""

    live: world.Live
    key: str

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.live.base_url}/v1", api_key=self.key, max_retries=0, timeout=120)

    def calls(self) -> list[world.Json]:
        headers = {"authorization": f"Bearer {self.key}"}
        told = httpx.get(f"{self.live.base_url}/api/usage/calls", headers=headers).raise_for_status().json()
        return list(told["calls"])


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelPlane]:
    """The model plane alone, its developer made on the command line."""
    models, home = world.with_models("tiny", "embed"), tmp_path_factory.mktemp("plane") / "home"
    made = shell.call("accounts", "create", "robin", "--role", "developer", "--school", "A Company", "--home", home)
    assert made.code == 0, made.err
    told = shell.call("keys", "create", "robin", "--home", home)
    key = re.search(r"sk-[\w-]+", told.out)
    assert key, told
    with world.serving(home, demo=False, command="serve", starter="tiny", environment=models) as live:
        yield ModelPlane(live, key.group())


def test_the_model_plane_alone_serves_the_official_client_and_knows_no_learners(plane: ModelPlane) -> None:
    with plane.client() as client:
        assert {"tiny", "embed"} <= {model.id for model in client.models.list()}
        answer = client.chat.completions.create(
            model="tiny", max_tokens=8, temperature=0, messages=[{"role": "user", "content": "Say hello."}]
        )
        assert answer.choices[0].message.content
        assert len(client.embeddings.create(model="embed", input="like terms").data[0].embedding) == 384
    paths = httpx.get(f"{plane.live.base_url}/openapi.json").json()["paths"]
    assert "/v1/chat/completions" in paths
    assert [path for path in paths if path.startswith(LEARNING)] == []
    for path in ("/", "/learn/today", "/api/classes"):
        refused = httpx.get(f"{plane.live.base_url}{path}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
    assert plane.live.link is None  # no page here would open it


def test_learning_alone_asks_another_server_for_the_tutors_words(
    first_start: world.FirstStart, plane: ModelPlane, tmp_path: Path
) -> None:
    other = {"SHUYUAN_OPENAI_BASE_URL": f"{plane.live.base_url}/v1", "OPENAI_API_KEY": plane.key}
    before = len(plane.calls())
    with world.serving(first_start.copy(tmp_path), environment=other) as live:
        with live.browser("student") as student:
            attempt = (
                student.post(
                    "/api/attempts", json={"course_id": world.COURSE, "point_id": world.STUCK_POINT, "count": 1}
                )
                .raise_for_status()
                .json()
            )
            item_id = attempt["slots"][0]["item_id"]
            asked = student.post(
                f"/api/attempts/{attempt['id']}/items/{item_id}/tutor",
                timeout=120,
                json={"message": "Where do I start?", "language": "en"},
                headers={"accept": "text/event-stream"},
            )
            kinds = re.findall(r'"kind": ?"(\w+)"', asked.text)
        assert world.workers(live.mark) == []  # the words came from elsewhere
        with live.developer() as developer:
            assert developer.get("/api/usage/calls").json()["calls"] == []
    assert asked.status_code == 200, asked.text
    assert kinds[0] == "hint"
    said_nothing = '"why":"empty"' in asked.text  # so small a model sometimes does
    assert said_nothing or {"sentence", "replaced"} & set(kinds), asked.text
    assert kinds[-1] == "done"
    assert f"{plane.live.base_url}/v1#tiny" in asked.text
    world.until(lambda: plane.calls()[0]["status"] == "settled", "the settlement")
    assert len(plane.calls()) == before + 1
    assert plane.calls()[0]["model"] == "tiny"
