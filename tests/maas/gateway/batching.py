"""Batches as a caller sees them: files of lines sent, begun, waited for and read."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.testclient import TestClient

CHAT: Final = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")


def line(number: int, says: str = "hi", url: str = CHAT, **body: object) -> dict[str, Any]:
    asked = {"model": "tiny", "messages": [{"role": "user", "content": says}], "max_tokens": 5, **body}
    return {"custom_id": f"q{number}", "method": "POST", "url": url, "body": asked}


def jsonl_of(*lines: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def upload(client: TestClient, content: bytes, purpose: str = "batch") -> Any:
    return client.post("/v1/files", files={"file": ("questions.jsonl", content)}, data={"purpose": purpose})


def begin(client: TestClient, content: bytes, endpoint: str = CHAT) -> Any:
    sent = upload(client, content)
    assert sent.status_code == 200, sent.text
    asked = {"input_file_id": sent.json()["id"], "endpoint": endpoint, "completion_window": "24h"}
    begun = client.post("/v1/batches", json=asked)
    assert begun.status_code == 200, begun.text
    return begun.json()


def wait(client: TestClient, batch: Any, done: Callable[[Any], bool] = lambda b: b["status"] in ENDED) -> Any:
    for _ in range(600):
        told = client.get(f"/v1/batches/{batch['id']}").json()
        if done(told):
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def lines_of(client: TestClient, file_id: str) -> list[Any]:
    return [json.loads(one) for one in client.get(f"/v1/files/{file_id}/content").text.splitlines()]


def until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        with contextlib.suppress(IndexError):
            if true():
                return
        time.sleep(0.05)
    raise AssertionError("it did not happen")
