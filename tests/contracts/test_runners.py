"""One suite for every runner, built in or added by entry point: load, submit, stream, cancel, count, close, refuse."""

import importlib
import importlib.util
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.maas import onnx_file, starter_files
from tests.maas.runners import fake_upstream, speech

from shuyuan.maas.catalogue import extras
from shuyuan.maas.compression import cutting, net
from shuyuan.maas.runners import interface

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the libraries' own imports
]
NEVER = threading.Event()
STARTERS = {"llama": "tiny", "embed": "embed", "ocr": "ocr", "whisper": "whisper"}
LIBRARIES = {"ocr": "rapidocr", "whisper": "faster_whisper", "torch": "torch"}
COUNTS_PROMPTS = {"llama", "embed", "remote"}
VOICES = '{"voices": {"en": "en-us", "zh": "cmn"}}'
LOADS_SLOWLY = {"llama"}
VARIES = {"espeak"}  # a voice flutters by chance: never twice the same samples, nearly the same length


@dataclass(frozen=True)
class Case:
    """A loaded runner, a request it answers and its own file."""

    kind: str
    runner: interface.Runner
    path: Path
    task: str
    payload: interface.Payload


def _new(kind: str) -> interface.Runner:
    module, name = interface.kinds()[kind].split(":")
    made: interface.Runner = getattr(importlib.import_module(module), name)()
    return made


def _request(kind: str) -> tuple[str, interface.Payload]:
    if kind in ("llama", "remote"):
        messages = [{"role": "user", "content": "Count from one to ten."}]
        return "chat", {"messages": messages, "max_tokens": 12, "temperature": 0, "seed": 1}
    if kind == "embed":
        return "embed", {"texts": ["你好", "hello"], "kind": "query"}
    if kind == "ocr":
        return "ocr", {"image": _picture()}
    if kind == "whisper":
        return "transcribe", {"audio": speech.wav(speech.tone(1.0)), "language": "en"}
    if kind == "espeak":
        return "speak", {"text": "Good morning.", "voice": "en"}
    return "predict", {"inputs": {"x": interface.pack_tensor(np.ones((2, 3), np.float32))}}


def _picture() -> bytes:
    from PIL import Image, ImageDraw

    image, out = Image.new("RGB", (200, 60), "white"), io.BytesIO()
    ImageDraw.Draw(image).text((20, 10), "river", "black", font_size=32)
    image.save(out, "PNG")
    return out.getvalue()


def _file(kind: str, folder: Path, url: str) -> Path:
    if kind in STARTERS:
        return starter_files.require(STARTERS[kind]).locate(STARTERS[kind]).path
    path = folder / f"model.{kind}"
    if kind == "onnx":
        path.write_bytes(onnx_file.linear(np.arange(6, dtype=np.float32).reshape(3, 2)))
    elif kind == "remote":
        path.write_text(json.dumps({"upstreams": [{"url": url, "model": "m"}]}))
    elif kind == "espeak":
        path.write_text(VOICES)
    elif kind == "staged":
        (folder / "whole.onnx").write_bytes(onnx_file.linear(np.arange(6, dtype=np.float32).reshape(3, 2)))
        cutting.cut(net.Net.read(folder / "whole.onnx"), 1 << 20, path)
    else:
        from shuyuan.science.nets import modules, shapes

        path.write_bytes(modules.to_safetensors(modules.build(shapes.Mlp(inputs=3, outputs=2))))
    return path


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    fake = fake_upstream.FakeUpstream(fake_upstream.stream("one", " two"))
    yield fake.url
    fake.close()


@pytest.fixture(scope="module", params=sorted(interface.RUNNERS))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, upstream: str) -> Iterator[Case]:
    kind = request.param
    if kind in LIBRARIES and importlib.util.find_spec(LIBRARIES[kind]) is None:
        pytest.skip(f"runner {kind} needs {LIBRARIES[kind]}, which is not installed")
    if kind == "espeak" and extras.missing(kind):
        pytest.skip("runner espeak needs a voice: neither espeakng-loader nor the system's espeak-ng is installed")
    path = _file(kind, tmp_path_factory.mktemp(kind), upstream)
    runner = _new(kind)
    runner.load(path, context_tokens=512)
    yield Case(kind, runner, path, *_request(kind))
    runner.close()
    runner.close()


def test_every_kind_names_a_class_that_exists() -> None:
    for kind, dotted in interface.kinds().items():
        module, name = dotted.split(":")
        assert importlib.util.find_spec(module), kind
        assert name.isidentifier()


def test_an_answer_ends_with_one_reason_and_a_count(case: Case) -> None:
    chunks = list(case.runner.submit(case.task, case.payload, NEVER))
    assert [bool(chunk.finish_reason) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    last = chunks[-1]
    assert last.finish_reason in ("stop", "length")
    assert last.usage is not None
    assert any(chunk.text or chunk.tensors or chunk.data for chunk in chunks)


def test_the_same_request_gives_the_same_answer(case: Case) -> None:
    one, two = (list(case.runner.submit(case.task, case.payload, NEVER)) for _ in range(2))
    assert "".join(c.text for c in one) == "".join(c.text for c in two)
    if case.kind in VARIES:
        first, second = (sum(len(t["data"]) for c in said for t in c.tensors.values()) for said in (one, two))
        assert first == pytest.approx(second, rel=0.01)
        return
    assert [dict(c.tensors) for c in one if c.tensors] == [dict(c.tensors) for c in two if c.tensors]


def test_a_request_cancelled_beforehand_ends_as_cancelled(case: Case) -> None:
    cancelled = threading.Event()
    cancelled.set()
    last = list(case.runner.submit(case.task, case.payload, cancelled))[-1]
    assert last.finish_reason == "cancelled"
    assert last.usage is not None
    assert not last.tensors


def test_it_answers_again_after_a_cancelled_request(case: Case) -> None:
    cancelled = threading.Event()
    cancelled.set()
    list(case.runner.submit(case.task, case.payload, cancelled))
    assert list(case.runner.submit(case.task, case.payload, NEVER))[-1].finish_reason in ("stop", "length")


def test_requests_are_counted(case: Case) -> None:
    before = case.runner.stats()
    list(case.runner.submit(case.task, case.payload, NEVER))
    after = case.runner.stats()
    assert after.requests == before.requests + 1
    assert after.slots >= 1
    assert after.load_s > 0
    assert after.prompt_tokens > before.prompt_tokens or case.kind not in COUNTS_PROMPTS


def test_as_many_requests_as_slots_run_side_by_side(case: Case) -> None:
    answers: list[interface.Chunk] = []

    def ask() -> None:
        answers.append(list(case.runner.submit(case.task, case.payload, NEVER))[-1])

    threads = [threading.Thread(target=ask) for _ in range(case.runner.slots)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == case.runner.slots
    assert {answer.finish_reason for answer in answers} <= {"stop", "length"}


def test_another_task_is_refused(case: Case) -> None:
    with pytest.raises(interface.UnsupportedTask, match="paint"):
        list(case.runner.submit("paint", case.payload, NEVER))


@pytest.mark.parametrize(
    "payload",
    [{}, {"messages": [], "texts": [], "inputs": {}}, {"messages": "x", "texts": "x", "inputs": "x"}],
    ids=["nothing", "empty", "text"],
)
def test_a_payload_of_another_shape_is_refused_and_the_runner_lives_on(case: Case, payload: interface.Payload) -> None:
    with pytest.raises(interface.BadPayload):
        list(case.runner.submit(case.task, payload, NEVER))
    assert list(case.runner.submit(case.task, case.payload, NEVER))[-1].finish_reason in ("stop", "length")


def test_a_file_of_another_kind_is_refused(case: Case, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"this is no model" * 100)
    with pytest.raises(interface.BadModelFile):
        _new(case.kind).load(other, context_tokens=512)


def test_a_closed_runner_refuses(case: Case) -> None:
    if case.kind in LOADS_SLOWLY:
        runner = _new(case.kind)  # never loaded is as good as closed; a second copy would cost seconds
    else:
        runner = _new(case.kind)
        runner.load(case.path, context_tokens=512)
    runner.close()
    with pytest.raises(interface.BadPayload, match="closed"):
        list(runner.submit(case.task, case.payload, NEVER))
