"""Which optional parts a runner needs, and whether they are installed. Looks for them; never imports them."""

import importlib.util
from collections.abc import Mapping

# runner kind → the module it imports in its worker, and the extra that brings it
_NEEDS: Mapping[str, tuple[str, str]] = {
    "llama": ("xllamacpp", "llm"),
    "embed": ("onnxruntime", "embed"),
    "onnx": ("onnxruntime", "embed"),
    "ocr": ("rapidocr", "ocr"),
    "whisper": ("faster_whisper", "speech"),
    "torch": ("torch", "train"),
}


def missing(runner: str) -> str:
    """The extra to install before this runner can run; empty when nothing is missing.

    >>> missing("remote")
    ''
    """
    module, extra = _NEEDS.get(runner, ("", ""))
    return extra if module and importlib.util.find_spec(module) is None else ""


def advice(extra: str) -> str:
    """What to type.

    >>> advice("ocr")
    "pip install 'shuyuan[ocr]'"
    """
    return f"pip install 'shuyuan[{extra}]'"
