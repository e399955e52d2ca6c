"""Which kind of model a file or folder is: by its first bytes and its names, never by opening it with a library."""

import zipfile
from pathlib import Path

from shuyuan.maas.conversion import interface

_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt", ".sav")
_PICKLED = (b"\x80\x01", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x78\x9c", b"\x78\xda")
_HDF5, _ZIP = b"\x89HDF", b"PK\x03\x04"
_KERAS = {"config.json", "model.weights.h5"}
_ESTIMATOR = (
    "in the Python that trained it: `from shuyuan.maas.conversion import from_sklearn`, then "
    "`open('model.onnx', 'wb').write(from_sklearn(estimator, example_rows))`, and convert that file"
)
_NET = "save a PyTorch model with safetensors, or with torch.onnx.export(model, example, 'model.onnx')"


def kind_of(source: Path) -> interface.Kind:
    """The kind. Raises RefusedModel, with the reason and the way out."""
    if source.is_dir():
        return _kind_of_folder(source)
    if not source.is_file():
        raise interface.RefusedModel(f"{source} is not there", fix="give the path of a model file or folder")
    with source.open("rb") as file:
        head = file.read(16)
    refuse_pickle(source, head)
    if not head:
        raise interface.RefusedModel(f"{source.name} is empty", fix="send the model file itself")
    if head.startswith(b"GGUF"):
        return "gguf"
    if head.startswith(_ZIP):
        return _kind_of_archive(source)
    if head.startswith(_HDF5):
        raise interface.RefusedModel(
            f"{source.name} is HDF5, which may hold Python code (Lambda layers)", fix="save it as .keras (Keras 3)"
        )
    if len(head) > 9 and head[8:9] == b"{":
        return "net"
    return "onnx"


def is_packed_folder(source: Path) -> bool:
    """Whether it is a zip of a model folder: what lies at its top, or in its one folder, says so."""
    try:
        with source.open("rb") as file:
            if file.read(4) != _ZIP:
                return False
        with zipfile.ZipFile(source) as archive:
            names = [name for name in archive.namelist() if not is_by_the_way(name)]
    except (OSError, zipfile.BadZipFile):
        return False
    tops = {name.partition("/")[0] for name in names}
    inside = {name.partition("/")[2] if len(tops) == 1 else name for name in names}
    return "saved_model.pb" in inside or ("config.json" in inside and not inside >= _KERAS)


def is_by_the_way(name: str) -> bool:
    """What file managers put into a zip beside what was meant."""
    return name.startswith("__MACOSX/") or name.endswith(".DS_Store")


def refuse_pickle(source: Path, head: bytes) -> None:
    """Raise RefusedModel for a pickle, by its bytes or its name. Nothing of it is opened."""
    scikit = source.suffix in (".pkl", ".pickle", ".joblib", ".sav") or source.suffix not in _PICKLES
    way_out = _ESTIMATOR if scikit else _NET
    if head.startswith(_PICKLED) or head.startswith(_PACKED):
        raise interface.RefusedModel(
            f"{source.name} is a Python pickle or a packed one: opening it could run any code, so it was not opened",
            fix=way_out,
        )
    if source.suffix in _PICKLES:
        raise interface.RefusedModel(
            f"{source.name} is named as a Python pickle ({source.suffix}): opening it could run any code", fix=way_out
        )


def _kind_of_archive(source: Path) -> interface.Kind:
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as wrong:
        raise interface.RefusedModel(f"{source.name} is a damaged archive", fix="save the model again") from wrong
    if any(name.endswith((".pkl", ".pickle")) for name in names):
        raise interface.RefusedModel(
            f"{source.name} is a PyTorch archive with a pickle inside: opening it could run any code", fix=_NET
        )
    if set(names) >= _KERAS:
        return "keras"
    raise interface.RefusedModel(
        f"{source.name} is an archive of unknown form", fix="unpack it; convert what is inside"
    )


def _kind_of_folder(source: Path) -> interface.Kind:
    names = {path.name for path in source.iterdir()}
    if "saved_model.pb" in names:
        return "savedmodel"
    if "config.json" in names and any(name.endswith(".safetensors") for name in names):
        return "huggingface"
    if models := sorted(name for name in names if name.endswith(".onnx")):
        raise interface.RefusedModel(f"{source.name} is a folder", fix=f"name the file: {source.name}/{models[0]}")
    if pickles := sorted(name for name in names if name.endswith(_PICKLES)):
        raise interface.RefusedModel(
            f"{source.name} holds its weights as a pickle ({pickles[0]}): opening it could run any code",
            fix="save it again with save_pretrained(folder, safe_serialization=True)",
        )
    raise interface.RefusedModel(
        f"{source.name} is a folder of unknown form", fix="give a Hugging Face folder, a SavedModel, or one model file"
    )
