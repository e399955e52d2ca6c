"""A small voice: WAV in both languages where it is installed, a clear word where it is not."""

import ctypes.util
import importlib.util
import io
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from shuyuan.maas.runners import espeak, interface

NEVER = threading.Event()
INSTALLED = importlib.util.find_spec("espeakng_loader") or ctypes.util.find_library("espeak-ng")
needs_voice = pytest.mark.skipif(not INSTALLED, reason="neither espeakng-loader nor espeak-ng is installed")


@pytest.fixture
def runner(tmp_path: Path) -> espeak.EspeakRunner:
    path = tmp_path / "voices.json"
    path.write_text('{"voices": {"en": "en-us", "zh": "cmn"}}')
    made = espeak.EspeakRunner()
    made.load(path, context_tokens=0)
    return made


def seconds(runner: espeak.EspeakRunner, text: str, **options: object) -> float:
    (chunk,) = runner.submit("speak", {"text": text, **options}, NEVER)
    data = interface.unpack_tensor(chunk.tensors["audio"]).tobytes()
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert np.abs(samples).max() > 1000
        return float(file.getnframes() / file.getframerate())


@needs_voice
def test_a_text_is_said_in_both_languages_at_the_speed_asked(runner: espeak.EspeakRunner) -> None:
    assert seconds(runner, "Water boils at one hundred degrees.") > 1
    assert seconds(runner, "水在一百度沸腾。", voice="zh") > 0.8
    assert seconds(runner, "Water boils.", speed=2.0) < 0.7 * seconds(runner, "Water boils.", speed=0.7)


@needs_voice
def test_a_long_text_can_be_cancelled(runner: espeak.EspeakRunner) -> None:
    cancelled = threading.Event()
    cancelled.set()
    (chunk,) = runner.submit("speak", {"text": "word " * 800}, cancelled)
    assert chunk.finish_reason == "cancelled"
    assert not chunk.data


@needs_voice
@pytest.mark.parametrize(
    "payload",
    [{}, {"text": " "}, {"text": "a" * 5000}, {"text": "a", "voice": "xx"}, {"text": "a", "speed": 9}, {"text": 3}],
)
def test_what_cannot_be_said_is_refused(runner: espeak.EspeakRunner, payload: interface.Payload) -> None:
    with pytest.raises(interface.BadPayload):
        list(runner.submit("speak", payload, NEVER))


def test_without_the_library_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "_opened", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    path = tmp_path / "voices.json"
    path.write_text('{"voices": {"en": "en-us"}}')
    with pytest.raises(interface.BadModelFile, match="not installed") as told:
        espeak.EspeakRunner().load(path, context_tokens=0)
    assert "shuyuan[voice]" in told.value.fix


@pytest.mark.parametrize("said", ["", "[]", '{"voices": {}}', '{"voices": {"en": 3}}', "no json"])
def test_a_file_that_names_no_voices_is_refused(tmp_path: Path, said: str) -> None:
    path = tmp_path / "voices.json"
    path.write_text(said)
    with pytest.raises(interface.BadModelFile):
        espeak.EspeakRunner().load(path, context_tokens=0)
