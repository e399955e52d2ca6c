"""The media routes on the real models: a drawn page is read, a spoken sentence is written down."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas import starter_files
from tests.maas.gateway.mediafiles import png
from tests.maas.gateway.mediascript import app_on
from tests.maas.gateway.scripted import new_caller
from tests.maas.runners import speech

from shuyuan.compose import Platform
from shuyuan.kernel.settings import Settings

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
SENTENCE = "The quick brown fox jumps over the lazy dog. Water boils at one hundred degrees."


@pytest.fixture
def client(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    platform = Platform(Settings(home=tmp_path / "home", database_url=database_url, starter="none", port=0))
    secret = new_caller(platform.get("identity"), platform.get("db")).secret
    with TestClient(app_on(platform), headers={"authorization": f"Bearer {secret}"}) as client:
        yield client
    platform.close()


def test_a_drawn_page_is_read_with_its_corners(client: TestClient) -> None:
    drawing = pytest.importorskip("PIL.ImageDraw", reason="the page is drawn by Pillow")
    from PIL import Image, ImageFont

    starter_files.require("ocr")
    sheet = Image.new("L", (700, 120), 255)
    drawing.Draw(sheet).text((30, 40), "Water boils at 100 degrees", 0, ImageFont.load_default(40))
    answer = client.post("/v1/ocr", files={"file": ("page.png", png(np.asarray(sheet)))}, data={"model": "ocr"})
    told = answer.json()
    assert answer.status_code == 200, told
    assert {"water", "boils", "100"} <= set(re.findall(r"[a-z0-9]+", told["text"].lower()))
    assert (told["width"], told["height"]) == (700, 120)
    xs = [x for line in told["lines"] for x, _y in line["box"]]
    assert 0 <= min(xs) < 60 < 400 < max(xs) <= 700


def test_a_spoken_sentence_is_written_down_at_once_and_streamed(client: TestClient) -> None:
    starter_files.require("whisper")
    form = {"model": "whisper", "language": "en"}
    files = {"file": ("said.wav", speech.spoken(SENTENCE))}
    whole = client.post("/v1/audio/transcriptions", files=files, data=form)
    assert whole.status_code == 200, whole.text
    heard = set(re.findall(r"[a-z]+", whole.json()["text"].lower()))
    assert len(heard & set(re.findall(r"[a-z]+", SENTENCE.lower()))) >= 7
    assert whole.json()["usage"]["total_tokens"] > 0
    streamed = client.post("/v1/audio/transcriptions", files=files, data={**form, "stream": "true"}).text
    assert whole.json()["text"] in streamed
