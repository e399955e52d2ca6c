"""A detector trained here, exported, registered and asked over HTTP: real catalogue, real worker, real pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.mediafiles import png
from tests.maas.gateway.mediascript import app_on
from tests.maas.gateway.scripted import Caller, new_caller

from shuyuan.compose import Platform
from shuyuan.kernel.settings import Settings

pytest.importorskip("torch", reason="the detector is trained here (make train)")
pytest.importorskip("PIL", reason="pictures are decoded by Pillow, of the extra `ocr`")

import torch

from shuyuan.maas.runners import netgraph
from shuyuan.science import vision
from shuyuan.science.nets import detector, modules

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
_SEEN, _STEPS, _SCENES = 1_000, 600, 150  # the digits after the first thousand were written by others


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def digits(shuyuan_data: Path) -> tuple[vision.Floats, vision.Ints]:
    rows = np.loadtxt(shuyuan_data / "img_optdigits" / "digits.csv.gz", delimiter=",", skiprows=1)
    return (rows[:, :64].reshape(-1, 8, 8) / 16).astype(np.float32), rows[:, 64].astype(np.int64)


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    built = Platform(Settings(home=tmp_path / "home", database_url=database_url, starter="none", port=0))
    yield built
    built.close()


@pytest.fixture
def caller(platform: Platform) -> Caller:
    return new_caller(platform.get("identity"), platform.get("db"))


def register(platform: Platform, caller: Caller, net: modules.Detector, folder: Path) -> None:
    file = folder / "digits.onnx"
    file.write_bytes(netgraph.to_onnx(modules.to_safetensors(net)))
    platform.get("catalogue").add_file(
        caller.principal.school_id,
        caller.principal.account_id,
        model="digits",
        source=file,
        runner="onnx",
        tasks=("predict", "detect"),
        spec=netgraph.spec(net.shape, [str(digit) for digit in range(10)]),
        champion=True,
        reason="tests",
    )


def test_digits_of_unseen_writers_are_found_in_unseen_scenes(
    platform: Platform, caller: Caller, digits: tuple[vision.Floats, vision.Ints], tmp_path: Path
) -> None:
    pictures, kinds = digits
    register(platform, caller, detector.fit(pictures[:_SEEN], kinds[:_SEEN], seed=0, steps=_STEPS), tmp_path)
    rng = np.random.default_rng(3)
    found, truths = [], []
    with TestClient(app_on(platform), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        for _ in range(_SCENES):
            scene, truth = vision.compose(pictures[_SEEN:], kinds[_SEEN:], rng)
            picture = png((scene.reshape(scene.shape[-2:]) * 255).round().astype(np.uint8))
            form = {"model": "digits", "threshold": "0.05"}
            answer = client.post("/v1/images/detections", files={"file": ("s.png", picture)}, data=form)
            assert answer.status_code == 200, answer.text
            found.append(boxes(answer.json()["detections"]))
            truths.append(truth)
        stranger = new_caller(platform.get("identity"), platform.get("db"), "stranger").secret
        theirs = {"authorization": f"Bearer {stranger}"}
        hidden = client.post("/v1/images/detections", files={"file": ("s.png", picture)}, data=form, headers=theirs)
        assert (hidden.status_code, hidden.json()["error"]["code"]) == (404, "model_not_found")
        told = client.get("/v2/models/digits")
        assert told.json()["versions"] == ["1"]
        values = scene.reshape(1, 1, *scene.shape[-2:]).astype(np.float32)
        tensor = {"name": "image", "datatype": "FP32", "shape": list(values.shape), "data": values.ravel().tolist()}
        raw = client.post("/v2/models/digits/infer", json={"inputs": [tensor]}).json()
        assert {output["name"] for output in raw["outputs"]} == {"boxes", "scores"}
    assert answer.headers["x-shuyuan-model-version"] == "models:/digits/1"
    assert vision.mean_average_precision(found, truths) >= 0.8  # as straight from the file


def boxes(detections: list[dict[str, object]]) -> vision.Boxes:
    """What the answer said, as boxes in pixels."""
    corners = np.array([one["box"] for one in detections], np.float32).reshape(-1, 4)
    kinds = np.array([int(str(one["label"])) for one in detections], np.int64)
    return vision.Boxes(corners, kinds, np.array([one["score"] for one in detections], np.float32))
