"""A picture in, labels of its own out: what training wrote is all that serving a picture needs."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.maas.training.tasks import trying

from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.catalogue import specs
from shuyuan.maas.gateway.media import decoder_child, labels
from shuyuan.maas.training import preparing, registering, task, tasks

pytest.importorskip("PIL", reason="pictures are decoded by Pillow, of the extra `ocr`")
COLUMNS = (task.Column("photo", "image", "feature"), task.Column("label", "category", "label"))


def photo(seed: int, height: int = 12, width: int = 10) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def work() -> task.Work:
    table: task.Table = {"photo": [photo(n) for n in range(8)], "label": ["day", "night"] * 4}
    return tasks.load("image_classification").prepare(trying.config("image_classification"), COLUMNS, table)


def test_a_version_trained_on_pictures_is_served_the_very_pixels_it_was_trained_on(work: task.Work) -> None:
    spec = json.loads(json.dumps(work.spec()))
    specs.check_spec(spec)
    assert labels.names(spec) == ["day", "night"]
    how, given = labels.read_input(spec), photo(99, 30, 17)
    size = {"height": how.height, "width": how.width, "channels": how.channels, "pad": how.pad}
    _, pixels = decoder_child.decode(size, given)
    here = work.arrays({"photo": [given], "label": ["day"]})
    assert how.name == "photo"
    np.testing.assert_allclose(how.tensor(pixels), here["photo"], atol=1e-5)


def test_a_finished_run_on_pictures_becomes_a_version_that_claims_pictures(work: task.Work, tmp_path: Path) -> None:
    """Also one that ended before runs told how a picture is given: its encoders tell it."""
    storage = kernel_storage.Storage(str(tmp_path))
    told: dict[str, Any] = {**work.spec(), "features": work.features()}
    older = {key: value for key, value in told.items() if key != "image"}
    for spec in (told, older):
        file = {"sha256": storage.put(json.dumps(spec).encode()), "size_bytes": 1}
        about = {"id": "1", "data": "data:/photos/1", "data_sha256": "0", "code_version": "1", "figures": {}}
        files = {"model.onnx": file, preparing.SPEC: file}
        row: Any = SimpleNamespace(**about, parent=None, parent_version_id=None, artefacts=files)
        card = catalogue.LocalText(zh="昼夜", en="day and night")
        version = registering._version(row, "photos", registering._spec(storage, row), card, "0")
        assert version.tasks == ("predict", "image_classify")
        assert labels.read_input(version.spec) == labels.read_input(told)
