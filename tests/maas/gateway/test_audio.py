"""`/v1/audio/…` over HTTP with scripted models, and by the official client."""

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.mediafiles import wav
from tests.maas.gateway.mediascript import MediaEngine, app_on
from tests.maas.gateway.scripted import new_caller
from tests.maas.gateway.server import running

from shuyuan.compose import Platform
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TRANSCRIPTIONS = "/v1/audio/transcriptions"


@pytest.fixture
def engine() -> MediaEngine:
    return MediaEngine()


@pytest.fixture
def secret(media: Platform) -> str:
    return new_caller(media.get("identity"), media.get("db")).secret


@pytest.fixture
def client(media: Platform, secret: str) -> Iterator[TestClient]:
    with TestClient(app_on(media), headers={"authorization": f"Bearer {secret}"}) as client:
        yield client


def send(client: TestClient, sound: bytes, path: str = TRANSCRIPTIONS, **fields: str):  # type: ignore[no-untyped-def]
    return client.post(path, files={"file": ("a.wav", sound)}, data={"model": "whisper", **fields})


def test_speech_comes_back_in_every_shape(client: TestClient, engine: MediaEngine) -> None:
    plain = send(client, wav(2), language="en")
    assert plain.json()["text"] == "Good morning, class."
    assert plain.json()["usage"] == {"type": "tokens", "input_tokens": 32, "output_tokens": 2, "total_tokens": 34}
    assert plain.headers["x-shuyuan-model-version"] == "models:/whisper/1"
    asked = {"task": "transcribe", "audio": wav(2), "language": "en", "translate": False, "longest_s": 120.0}
    assert engine.asked[-1] == asked
    assert send(client, wav(2), response_format="text").text == "Good morning, class.\n"
    srt = "1\n00:00:00,000 --> 00:00:01,500\nGood morning,\n\n2\n00:00:01,500 --> 00:00:03,250\nclass.\n\n"
    assert send(client, wav(2), response_format="srt").text == srt
    assert send(client, wav(2), response_format="vtt").text == "WEBVTT\n\n" + srt.replace(",500", ".500").replace(
        ",000", ".000"
    ).replace(",250", ".250").replace("1\n00", "00", 1).replace("2\n00", "00", 1)
    verbose = send(client, wav(2), response_format="verbose_json").json()
    assert (verbose["language"], verbose["duration"]) == ("en", 3.25)
    assert [(s["start"], s["end"], s["text"]) for s in verbose["segments"]] == [
        (0.0, 1.5, " Good morning,"),
        (1.5, 3.25, " class."),
    ]


def test_a_stream_gives_the_same_text_as_events(client: TestClient) -> None:
    answer = send(client, wav(2), stream="true")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    events = [json.loads(line) for line in lines[:-1]]
    assert lines[-1] == "[DONE]"
    assert [event["type"] for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.get("delta", "") for event in events).strip() == events[-1]["text"] == "Good morning, class."


def test_a_call_is_charged_what_the_runner_counted(client: TestClient, media: Platform) -> None:
    send(client, wav(2))
    (call,) = client.get("/api/usage/calls").json()["calls"][:1]
    assert (call["endpoint"], call["status"], call["prompt_tokens"], call["completion_tokens"]) == (
        "transcriptions",
        "settled",
        32,
        2,
    )


def test_bad_sound_and_unknown_options_are_refused_by_name_and_reach_no_model(
    client: TestClient, engine: MediaEngine
) -> None:
    for sound, fields, code, named in (
        (wav(121), {}, "audio_too_long", "lasts 121 s; at most 120 s"),
        (wav(2)[:99], {}, "bad_audio", "states 16000 bytes"),
        (b"%PDF-1.7 not sound", {}, "bad_audio", "%PDF"),
        (wav(2), {"language": "English"}, "invalid_request", "language"),
        (wav(2), {"temperature": "0.5"}, "invalid_request", "temperature"),
        (wav(2), {"response_format": "srt", "stream": "true"}, "invalid_request", "stream"),
        (wav(2), {"timestamp_granularities[]": "word"}, "invalid_request", "timestamp_granularities"),
        (wav(2), {"colour": "red"}, "unknown_parameter", "colour"),
        (wav(2), {"model": "tiny"}, "not_claimed", "transcribe"),
        (b"", {}, "invalid_request", "empty"),
    ):
        answer = send(client, sound, **fields)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, code), error
        assert named in error["message"]
    nothing = client.post(TRANSCRIPTIONS, data={"model": "whisper"}, files={"other": ("a.wav", wav(1))})
    assert nothing.status_code == 400
    bare = client.post(TRANSCRIPTIONS, json={"model": "whisper"})
    assert bare.json()["error"]["param"] == "file"
    assert engine.asked == []


def test_only_a_model_that_claims_it_translates_what_it_hears(client: TestClient, engine: MediaEngine) -> None:
    refused = send(client, wav(2), "/v1/audio/translations")
    assert refused.json()["error"]["code"] == "not_claimed"
    told = send(client, wav(2), "/v1/audio/translations", model="whisper-both")
    assert told.json()["text"] == "Good morning, class."
    assert engine.asked[-1]["translate"] is True


def test_without_a_voice_speech_says_so(client: TestClient) -> None:
    for model in ("tts-1", "tiny", "other"):
        answer = client.post("/v1/audio/speech", json={"model": model, "input": "hello", "voice": "alloy"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "voice_not_installed")
        assert "install" in answer.json()["error"]["message"]


def test_an_installed_voice_speaks(client: TestClient) -> None:
    answer = client.post("/v1/audio/speech", json={"model": "voice", "input": "hello", "voice": ""})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"RIFFsound", "audio/wav")
    (call,) = client.get("/api/usage/calls").json()["calls"]
    assert (call["endpoint"], call["prompt_tokens"]) == ("speech", 5)


def test_a_failure_before_any_text_is_an_error_and_costs_nothing(client: TestClient, engine: MediaEngine) -> None:
    engine.failure = serving.WorkerLost("the worker died", fix="try again")
    for stream in ("true", "false"):
        assert send(client, wav(2), stream=stream).json()["error"]["code"] == "worker_lost"
    assert {call["status"] for call in client.get("/api/usage/calls").json()["calls"]} == {"released"}


def test_the_official_client_transcribes_and_streams(media: Platform, secret: str, tmp_path: Path) -> None:
    file = tmp_path / "said.wav"
    file.write_bytes(wav(2))
    with running(app_on(media)) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0) as api:
        create = api.audio.transcriptions.create
        assert create(model="whisper", file=file).text == "Good morning, class."
        assert create(model="whisper", file=file, response_format="text").strip() == "Good morning, class."
        segments = create(model="whisper", file=file, response_format="verbose_json").segments or []
        assert [segment.end for segment in segments] == [1.5, 3.25]
        with create(model="whisper", file=file, stream=True) as stream:
            events = list(stream)
        assert events[-1].type == "transcript.text.done"
        assert events[-1].text == "Good morning, class."
        with pytest.raises(openai.NotFoundError) as none:
            api.audio.speech.create(model="tts-1", input="hello", voice="alloy")
        assert none.value.code == "voice_not_installed"
