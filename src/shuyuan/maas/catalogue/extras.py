"""Which optional parts a runner needs, and whether they are installed. Looks for them; never imports them."""

import ctypes.util
import functools
import importlib.util
from collections.abc import Mapping
from typing import NamedTuple

# runner kind → the module it imports in its worker, and the extra that brings it
_NEEDS: Mapping[str, tuple[str, str]] = {
    "llama": ("xllamacpp", "llm"),
    "embed": ("onnxruntime", "embed"),
    "onnx": ("onnxruntime", "embed"),
    "ocr": ("rapidocr", "ocr"),
    "whisper": ("faster_whisper", "speech"),
    "torch": ("torch", "train"),
    "staged": ("onnxruntime", "embed"),
    "espeak": ("espeakng_loader", "voice"),
}
_SYSTEM_LIBRARIES: Mapping[str, str] = {"espeak": "espeak-ng"}  # what the system may bring instead


def missing(runner: str) -> str:
    """The extra to install before this runner can run; empty when nothing is missing.

    >>> missing("remote")
    ''
    """
    module, extra = _NEEDS.get(runner, ("", ""))
    if not module or importlib.util.find_spec(module) is not None:
        return ""
    return "" if runner in _SYSTEM_LIBRARIES and _on_system(_SYSTEM_LIBRARIES[runner]) else extra


@functools.cache
def _on_system(library: str) -> bool:
    """Looked up once: it asks other programs."""
    return ctypes.util.find_library(library) is not None


_TARGETS = {"ocr": "make media", "speech": "make media", "train": "make train"}


class HowTo(NamedTuple):
    """What to type to install an extra. in_a_clone: the shorter way there, or ""."""

    command: str
    in_a_clone: str


def how_to(extra: str) -> HowTo:
    """In parts, for a page that says the rest in its own language."""
    return HowTo(f"pip install 'shuyuan[{extra}]'", _TARGETS.get(extra, ""))


def advice(extra: str) -> str:
    """What to type; in a clone of the project there is a shorter way for some.

    >>> advice("ocr")
    "pip install 'shuyuan[ocr]' (in a clone: make media)"
    """
    how = how_to(extra)
    return how.command + (f" (in a clone: {how.in_a_clone})" if how.in_a_clone else "")
