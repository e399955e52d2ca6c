"""What could run code or reach other files is refused unopened, with the reason and the way out."""

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.maas.catalogue import model_files

from shuyuan.kernel.settings import Settings
from shuyuan.maas.conversion import from_sklearn, interface, kerasfile, recognising
from shuyuan.maas.conversion.service import ConversionService


class Trap:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("/nonexistent/opened").touch, ())


def converting(tmp_path: Path) -> ConversionService:
    settings = Settings(home=tmp_path, cache=tmp_path / "cache" / "models", starter="none")
    return ConversionService(None, settings)  # type: ignore[arg-type]  # nothing is registered here


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.onnx", "model"])
def test_a_pickle_is_refused_and_told_how_to_convert_the_estimator(tmp_path: Path, name: str) -> None:
    (path := tmp_path / name).write_bytes(pickle.dumps(Trap(), protocol=4))
    with pytest.raises(interface.RefusedModel, match="any code") as refused:
        converting(tmp_path).convert(path, tmp_path)
    assert "from_sklearn(estimator" in refused.value.fix


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "pytorch_model.bin", "last.ckpt"])
def test_files_of_torch_are_refused_by_what_is_inside_or_by_their_name(tmp_path: Path, name: str) -> None:
    for content in (model_files.torch_archive(), pickle.dumps([1], protocol=2), b"something else"):
        (path := tmp_path / name).write_bytes(content)
        with pytest.raises(interface.RefusedModel, match="any code") as refused:
            recognising.kind_of(path)
        assert "safetensors" in refused.value.fix


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"), (b"PK\x03\x04damaged", "damaged archive"),
     (b"\x1f\x8b" + bytes(20), "packed")],
)  # fmt: skip
def test_other_files_are_refused_with_their_reason(tmp_path: Path, content: bytes, said: str) -> None:
    (path := tmp_path / "model.x").write_bytes(content)
    with pytest.raises(interface.RefusedModel, match=said):
        recognising.kind_of(path)


def test_folders_are_known_by_what_lies_in_them(tmp_path: Path) -> None:
    (folder := tmp_path / "model").mkdir()
    with pytest.raises(interface.RefusedModel, match="unknown form"):
        recognising.kind_of(folder)
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(interface.RefusedModel, match="pickle") as refused:
        recognising.kind_of(folder)
    assert "safe_serialization" in refused.value.fix
    (folder / "model.safetensors").write_bytes(b"x")
    assert recognising.kind_of(folder) == "huggingface"
    (folder / "saved_model.pb").write_bytes(b"x")
    assert recognising.kind_of(folder) == "savedmodel"


def keras(path: Path, layer: dict[str, Any], **members: bytes) -> Path:
    """A .keras file with one layer."""
    held = io.BytesIO()
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}, "registered_name": None}
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"weights")
        for name, content in members.items():
            archive.writestr(name, content)
    path.write_bytes(held.getvalue())
    return path


DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}, "registered_name": "Dense"}


def test_a_keras_file_of_plain_layers_passes(tmp_path: Path) -> None:
    path = keras(tmp_path / "plain.keras", DENSE)
    assert recognising.kind_of(path) == "keras"
    kerasfile.check(path)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (
            {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}},
            "code",
        ),
        ({**DENSE, "config": {"activation": {"class_name": "__lambda__", "config": {"code": "x"}}}}, "code"),
        ({"module": "my_layers", "class_name": "Mine", "registered_name": "Mine"}, "custom object"),
        ({"module": None, "class_name": "Mine", "registered_name": "my>Mine"}, "custom object"),
        ({"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}, "custom object"),
        ({"module": "kerasevil", "class_name": "Dense"}, "custom object"),
    ],
)
def test_a_keras_file_with_code_of_its_own_is_refused(tmp_path: Path, layer: dict[str, Any], said: str) -> None:
    with pytest.raises(interface.RefusedModel, match=said):
        kerasfile.check(keras(tmp_path / "bad.keras", layer))


def test_a_keras_file_with_strange_members_is_refused(tmp_path: Path) -> None:
    for members in ({"run.py": b"x"}, {"assets/../../x": b"x"}):
        with pytest.raises(interface.RefusedModel, match="it holds"):
            kerasfile.check(keras(tmp_path / "bad.keras", DENSE, **members))


def test_without_its_environment_tensorflow_is_asked_for_by_name(tmp_path: Path) -> None:
    path = keras(tmp_path / "plain.keras", DENSE)
    with pytest.raises(interface.MissingEnvironment) as refused:
        converting(tmp_path).convert(path, tmp_path)
    assert "--build-environment" in refused.value.fix


def test_hostile_keras_files_are_refused_before_any_environment_is_asked_for(tmp_path: Path) -> None:
    path = keras(tmp_path / "bad.keras", {"module": "keras.layers", "class_name": "Lambda"})
    with pytest.raises(interface.RefusedModel, match="Lambda"):
        converting(tmp_path).convert(path, tmp_path)


def test_from_sklearn_takes_no_file() -> None:
    with pytest.raises(interface.RefusedModel, match="not a file"):
        from_sklearn("model.pkl", [[1.0]])  # type: ignore[arg-type]  # what people try first
