"""The environment of child processes that open files of strangers: a list of what they may know, all else is left out.

A password has many names; what a child needs has few. Whoever breaks out of a parser finds no secret of the server.
"""

import os
from pathlib import Path

import shuyuan

_ALLOWED = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SHUYUAN_CACHE", "SHUYUAN_DATA"}
)
_ALLOWED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_")
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "0",
}
_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


def environment(threads: int | None = None) -> dict[str, str]:
    """Paths, language, cards and where our own files lie; offline. threads: of libraries; None: as they choose."""
    kept = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)}
    limits = {} if threads is None else dict.fromkeys(_LIMITS, str(threads))
    source = str(Path(str(shuyuan.__file__)).parent.parent)
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    return {**kept, **_OFFLINE, **limits, "PYTHONPATH": path}
