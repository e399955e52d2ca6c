"""Speech becomes text: heard right, a segment at a time, within caps, from local files alone."""

import io
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("faster_whisper", reason="speech tests need faster-whisper (make media)")

from tests.maas import starter_files
from tests.maas.runners import speech

from shuyuan.maas.gateway.media import audio as gateway_audio
from shuyuan.maas.gateway.media import sounds as gateway_sounds
from shuyuan.maas.runners import interface, sounds, whisper

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of ctranslate2's own imports
]
NEVER = threading.Event()
SENTENCE = "The quick brown fox jumps over the lazy dog. Water boils at one hundred degrees."
FORMS = {"mp3": "mp3", "flac": "flac", "ogg": "libopus", "webm": "libopus", "ipod": "aac", "mp4": "aac"}


@pytest.fixture(scope="module")
def runner() -> Iterator[whisper.WhisperRunner]:
    made = whisper.WhisperRunner()
    made.load(starter_files.require("whisper").locate("whisper").path, context_tokens=0)
    yield made
    made.close()


def ask(runner: whisper.WhisperRunner, audio: bytes, **options: object) -> list[interface.Chunk]:
    return list(runner.submit("transcribe", {"audio": audio, **options}, NEVER))


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def test_spoken_english_is_written_down(runner: whisper.WhisperRunner) -> None:
    chunks = ask(runner, speech.spoken(SENTENCE), language="en")
    text = "".join(chunk.text for chunk in chunks)
    heard = words(SENTENCE) & words(text)  # a synthetic voice: brown may be heard as round
    assert len(heard) >= 7, text
    last = chunks[-1]
    assert last.finish_reason == "stop"
    assert last.data["language"] == "en"
    segments = last.data["segments"]
    assert isinstance(segments, list)
    assert [s["text"] for s in segments] == [c.text.strip() for c in chunks[:-1]]
    assert 0 <= segments[0]["start_s"] < segments[-1]["end_s"] <= float(str(last.data["duration_s"])) + 1
    assert last.usage is not None
    assert last.usage.completion_tokens > 10


def test_the_language_is_found_when_none_is_given(runner: whisper.WhisperRunner) -> None:
    assert ask(runner, speech.spoken(SENTENCE))[-1].data["language"] == "en"


def test_an_unknown_language_is_refused(runner: whisper.WhisperRunner) -> None:
    with pytest.raises(interface.BadPayload, match="'klingon'"):
        ask(runner, speech.wav(speech.tone(1)), language="klingon")


@pytest.mark.parametrize("form", FORMS)
def test_every_promised_container_is_decoded(form: str) -> None:
    whole = speech.tone(2)
    rate = 48_000 if FORMS[form] == "libopus" else speech.SAMPLES_PER_S
    data = speech.encoded(np.repeat(whole, rate // speech.SAMPLES_PER_S), form, FORMS[form], rate)
    heard = sounds.read(data, NEVER)
    assert heard is not None
    assert abs(len(heard) / sounds.SAMPLES_PER_S - 2) < 0.2
    assert gateway_sounds.look(data).format in (form, "mp4")  # what the gateway lets in, the runner reads
    spectrum = np.abs(np.fft.rfft(heard))
    assert abs(spectrum.argmax() * sounds.SAMPLES_PER_S / len(heard) - 440) < 5


def test_wav_is_decoded_sample_by_sample() -> None:
    heard = sounds.read(speech.wav(speech.tone(1)), NEVER)
    assert heard is not None
    np.testing.assert_allclose(heard, speech.tone(1), atol=1e-3)


def test_a_small_file_that_unpacks_to_hours_stops_early() -> None:
    hours = np.zeros(2 * 3600 * speech.SAMPLES_PER_S, dtype=np.float32)
    bomb = speech.encoded(hours, "flac", "flac")
    assert len(bomb) < 5 << 20
    with pytest.raises(interface.BadPayload, match="longer than 1800 s"):
        sounds.read(bomb, NEVER)


def test_what_the_gateway_promises_the_runner_reads() -> None:
    assert gateway_audio.AT_ONCE_S < gateway_audio.LONGEST_S <= sounds.MAX_S
    seconds = int(gateway_audio.LONGEST_S)
    whole = speech.encoded(np.zeros(seconds * speech.SAMPLES_PER_S, dtype=np.float32), "mp3", "mp3")
    heard = sounds.read(whole, NEVER, longest_s=gateway_audio.LONGEST_S)  # the encoder's padding is no reason to refuse
    assert heard is not None
    assert seconds <= len(heard) / speech.SAMPLES_PER_S < seconds + 1


def test_a_file_that_states_less_than_it_holds_stops_at_what_is_allowed(runner: whisper.WhisperRunner) -> None:
    longer = bytearray(speech.encoded(np.zeros(8 * speech.SAMPLES_PER_S, dtype=np.float32), "flac", "flac"))
    packed = int.from_bytes(longer[18:26])
    longer[18:26] = (packed & ~((1 << 36) - 1) | speech.SAMPLES_PER_S).to_bytes(8)
    assert gateway_sounds.look(bytes(longer)).duration_s == 1
    with pytest.raises(interface.BadPayload, match="longer than 5 s"):
        ask(runner, bytes(longer), longest_s=5.0)
    for nonsense in (-1, "long", True, float("nan")):
        with pytest.raises(interface.BadPayload, match="longest_s is"):
            ask(runner, bytes(longer), longest_s=nonsense)


def test_an_mp4_that_names_another_file_is_never_followed(tmp_path: Path) -> None:
    other = tmp_path / "other.m4a"
    other.write_bytes(speech.encoded(speech.tone(1), "ipod", "aac"))
    opened: list[str] = []
    pointing = speech.pointing(other.read_bytes(), other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sounds, "_refuse", lambda url, *_: opened.append(url))
        with pytest.raises(interface.BadPayload):
            sounds.read(pointing, NEVER)
        assert opened == []
        patch.setattr(sounds, "_MP4_OPTIONS", {"enable_drefs": "1", "use_absolute_path": "1"})
        with pytest.raises(interface.BadPayload):
            sounds.read(pointing, NEVER)
        assert opened == [str(other)]  # it does point there: the options hold


@pytest.mark.parametrize(
    ("audio", "said"),
    [
        (b"", "bytes of a recording"),
        ("file:///etc/passwd", "bytes of a recording"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "no known kind"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no known kind"),
        (b"RIFF\0\0\0\0WAVEjunk", "cannot be read|no sound"),
        (b"OggS" + bytes(100), "cannot be read|no sound"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), "cannot be read|no sound"),
        (b"\0\0\0\x14ftypM4A " + bytes(100), "cannot be read|no sound"),
        (b"RIFF" + bytes(sounds.MAX_BYTES), "at most"),
    ],
)
def test_what_is_no_recording_is_refused_in_words(audio: object, said: str) -> None:
    with pytest.raises(interface.BadPayload, match=said):
        sounds.read(audio, NEVER)


def test_bent_recordings_raise_nothing_else() -> None:
    rng = np.random.default_rng(5)
    for form, codec in (("flac", "flac"), ("ogg", "libopus"), ("mp3", "mp3"), ("wav", "pcm_s16le"), ("ipod", "aac")):
        rate = 48_000 if codec == "libopus" else speech.SAMPLES_PER_S
        whole = speech.encoded(speech.tone(0.3), form, codec, rate)
        for _ in range(40):
            bent = bytearray(whole[: rng.integers(8, len(whole) + 1)])
            for at in rng.integers(4, len(bent), 6):
                bent[at] ^= int(rng.integers(1, 256))
            try:
                sounds.read(bytes(bent), NEVER)
            except interface.BadPayload:
                continue


def test_cancelling_stops_between_segments(runner: whisper.WhisperRunner) -> None:
    long = io.BytesIO(speech.spoken(" ".join([SENTENCE] * 12))).read()
    cancelled = threading.Event()
    chunks = runner.submit("transcribe", {"audio": long, "language": "en"}, cancelled)
    first = next(chunks)
    assert first.text
    cancelled.set()
    (last,) = chunks
    assert last.finish_reason == "cancelled"
    assert last.data["segments"]


def test_no_network_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("somebody reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    made = whisper.WhisperRunner()
    made.load(starter_files.require("whisper").locate("whisper").path, context_tokens=0)
    assert ask(made, speech.wav(speech.tone(1)), language="en")[-1].finish_reason == "stop"
    made.close()


@pytest.mark.parametrize("missing", ["tokenizer.json", "config.json", "vocabulary.txt"])
def test_a_missing_file_is_named_and_not_fetched(tmp_path: Path, missing: str) -> None:
    folder = starter_files.require("whisper").locate("whisper").path.parent
    for name in {"tokenizer.json", "config.json", "vocabulary.txt"} - {missing}:
        shutil.copy(folder / name, tmp_path)
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(interface.BadModelFile, match=missing):
        whisper.WhisperRunner().load(tmp_path / "model.bin", context_tokens=0)
