"""The folder of one work: what the server says and what its child process answers, as JSON files.

job.json      what to do                      progress.json  how far it is, replaced as a whole
result.json   what came of it, written last   error.json     code, message, fix, with exit code 64
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BAD_INPUT = 64  # exit code: error.json is for people
JOB, PROGRESS, RESULT, ERROR, INPUT = "job.json", "progress.json", "result.json", "error.json", "input"
Json = dict[str, Any]  # Any: JSON


def write(path: Path, said: Mapping[str, Any]) -> None:
    """The whole file or none of it."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as out:
        json.dump(said, out, ensure_ascii=False, allow_nan=False)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


def read(path: Path) -> Json | None:
    """What it says; None while it is not there."""
    try:
        said: Json = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return said
