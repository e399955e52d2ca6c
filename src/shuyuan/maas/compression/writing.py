"""Replace a JSON file whole: a reader sees the old one or the new one, never half."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def whole(path: Path, content: Mapping[str, Any]) -> None:  # Any: JSON
    """Write beside it, then rename."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path) -> dict[str, Any] | None:  # Any: JSON
    """What a file holds; None while there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found
