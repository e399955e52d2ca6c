"""Is a .keras file made of layers alone? Read from its config as JSON, before Keras sees it; nothing is run."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shuyuan.maas.conversion import interface

_MOST_CONFIG_BYTES = 16 << 20
_MOST_WEIGHTS_BYTES = 4 << 30
_CODE = ("Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
_OURS = "keras"
_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}


def check(source: Path) -> None:
    """Raise RefusedModel for code (Lambda layers, wrapped models), custom objects, and members that do not belong."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = {one.filename: one.file_size for one in archive.infolist()}
            strange = sorted(name for name in members if name not in _MEMBERS and not name.startswith("assets/"))
            if strange or any(".." in name for name in members):
                raise _refused(
                    f"it holds {(strange or sorted(members))[0][:80]!r}", "save the model again with Keras 3"
                )
            if members["config.json"] > _MOST_CONFIG_BYTES or sum(members.values()) > _MOST_WEIGHTS_BYTES:
                raise _refused("it is larger than a model may be", "save a smaller model")
            config = json.loads(archive.read("config.json"))
    except (KeyError, ValueError, RecursionError, zipfile.BadZipFile) as wrong:
        raise _refused(f"its config cannot be read: {wrong}"[:200], "save the model again with Keras 3") from wrong
    for said in _objects(config):
        _check_object(said)


def _check_object(said: dict[str, Any]) -> None:  # Any: JSON
    name, module, registered = said.get("class_name"), said.get("module"), said.get("registered_name")
    if name in _CODE:
        raise _refused(f"layer {name} holds code of its own", "write it with layers that Keras brings")
    foreign = isinstance(module, str) and module != "builtins" and module.split(".")[0] != _OURS
    custom = isinstance(registered, str) and ">" in registered and not registered.startswith("keras")
    nameless = name is not None and module is None and registered not in (None, name)
    if foreign or custom or nameless:
        raise _refused(f"{name} of {module or registered} is a custom object", "write it with layers that Keras brings")


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    waiting = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _refused(what: str, fix: str) -> interface.RefusedModel:
    return interface.RefusedModel(f"the .keras file was not opened: {what}", fix=fix)
