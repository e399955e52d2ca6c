"""`/v1/ocr` and `/v1/images/…`: scripted models first, then a real graph in a real worker."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.mediafiles import bomb, encoded, png
from tests.maas.gateway.mediascript import LINES, MediaEngine, app_on
from tests.maas.gateway.scripted import new_caller

from shuyuan.compose import Platform

pytest.importorskip("PIL", reason="pictures are decoded by Pillow, of the extra `ocr`")
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LIGHT = np.full((40, 80), 250, np.uint8)


@pytest.fixture
def engine() -> MediaEngine:
    return MediaEngine()


@pytest.fixture
def client(media: Platform) -> Iterator[TestClient]:
    secret = new_caller(media.get("identity"), media.get("db")).secret
    with TestClient(app_on(media), headers={"authorization": f"Bearer {secret}"}) as client:
        yield client


def show(client: TestClient, what: str, picture: bytes, model: str, **fields: str) -> Any:
    return client.post(f"/v1/{what}", files={"file": ("p.png", picture)}, data={"model": model, **fields})


def test_a_page_comes_back_line_by_line_from_a_form_or_a_bare_body(client: TestClient, engine: MediaEngine) -> None:
    page = png(LIGHT)
    told = show(client, "ocr", page, "ocr")
    assert told.json() == {
        "text": "2x + 1 = 7",
        "lines": LINES,
        "width": 64,
        "height": 16,
        "model": "ocr",
        "usage": {"prompt_tokens": 5, "completion_tokens": 0},
    } | {key: value for key, value in told.json().items() if key == "usage"}
    assert engine.asked[-1] == {"task": "ocr", "image": page}
    bare = client.post("/v1/ocr", content=page, headers={"content-type": "image/png"})
    assert bare.json() == told.json()
    assert bare.headers["x-shuyuan-model-version"] == "models:/ocr/1"


def test_labels_come_back_best_first(client: TestClient, engine: MediaEngine) -> None:
    told = show(client, "images/classifications", png(LIGHT), "shades").json()
    assert (told["label"], told["width"], told["height"]) == ("light", 80, 40)
    assert [one["label"] for one in told["labels"]] == ["light", "dark"]
    assert told["labels"][0]["score"] == round(250 / 255, 4)
    x = engine.asked[-1]["x"]
    assert isinstance(x, np.ndarray)
    assert (x.shape, x.dtype, float(x.min())) == ((1, 1, 4, 8), np.float32, 250.0)
    top = show(client, "images/classifications", png(LIGHT), "shades", top="1").json()
    assert len(top["labels"]) == 1


def test_boxes_come_back_in_pixels_of_the_picture_overlapping_ones_once(client: TestClient) -> None:
    """The input is 8 x 4; a square of 40 is shown in its middle four columns."""
    told = show(client, "images/detections", png(LIGHT[:, :40]), "finder").json()
    assert told["detections"] == [
        {"label": "b", "score": 0.9, "box": [0.0, 0.0, 40.0, 40.0]},
        {"label": "a", "score": 0.7, "box": [0.0, 0.0, 20.0, 20.0]},
    ]
    sure = show(client, "images/detections", png(LIGHT[:, :40]), "finder", threshold="0.85").json()
    assert [one["label"] for one in sure["detections"]] == ["b"]


def test_bombs_broken_files_addresses_and_models_without_labels_are_refused(
    client: TestClient, engine: MediaEngine
) -> None:
    noise = encoded(np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8), "PNG")
    for what, picture, model, code in (
        ("ocr", bomb(60_000, 60_000), "ocr", "image_too_large"),
        ("images/detections", bomb(7_000, 7_000), "finder", "image_too_large"),
        ("ocr", b"GIF89a" + bytes(30), "ocr", "bad_image"),
        ("images/classifications", noise[:-2000], "shades", "bad_image"),
        ("images/classifications", png(LIGHT), "linear", "not_claimed"),
        ("ocr", png(LIGHT), "tiny", "not_claimed"),
    ):
        answer = show(client, what, picture, model)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    unlabelled = show(client, "images/detections", png(LIGHT), "bare")
    assert (unlabelled.status_code, unlabelled.json()["error"]["code"]) == (409, "bad_spec")
    assert "spec.image" in unlabelled.json()["error"]["message"]
    for address in ("https://example.org/a.png", "http://169.254.169.254/"):
        fetched = client.post("/v1/ocr", json={"model": "ocr", "image_url": address})
        assert (fetched.status_code, fetched.json()["error"]["code"]) == (400, "url_refused")
    empty = client.post("/v1/ocr", content=b"", headers={"content-type": "image/png"})
    assert empty.status_code == 400
    assert not [asked for asked in engine.asked if asked["task"] in ("predict", "ocr")]


def test_a_picture_that_does_not_open_costs_nothing(client: TestClient) -> None:
    noise = encoded(np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8), "PNG")
    show(client, "images/classifications", noise[:-2000], "shades")
    (call,) = client.get("/api/usage/calls").json()["calls"]
    assert (call["status"], call["outcome"]) == ("released", "bad_image")


def test_nothing_here_draws_and_it_says_so(client: TestClient) -> None:
    answer = client.post("/v1/images/generations", json={"model": "tiny", "prompt": "a triangle"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_claimed")
    assert "remote" in answer.json()["error"]["message"]
