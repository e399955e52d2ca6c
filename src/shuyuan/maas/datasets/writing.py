"""Tables as files and as the first rows a person sees."""

import base64
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

GROUP_ROWS = 1 << 18
PREVIEW_ROWS, _PREVIEW_CHARS, _PREVIEW_BYTES = 20, 200, 8192


def write(frame: pl.DataFrame, path: Path) -> None:
    """As Parquet: the same bytes for the same rows."""
    frame.write_parquet(path, compression="zstd", compression_level=1, statistics=False, row_group_size=GROUP_ROWS)


def preview(frame: pl.DataFrame, rows: int = PREVIEW_ROWS) -> list[dict[str, Any]]:
    """The first rows as JSON; long texts are cut, small pictures are data URLs."""
    return [{name: _shown(value) for name, value in row.items()} for row in frame.head(rows).iter_rows(named=True)]


def _shown(value: object) -> Any:  # Any: JSON
    if isinstance(value, bytes):
        if len(value) > _PREVIEW_BYTES:
            return f"{len(value):,} bytes"
        kind = "png" if value[:4] == b"\x89PNG" else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(value).decode()}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_shown(one) for one in value[:20]]
    return value[:_PREVIEW_CHARS].replace("\0", "") if isinstance(value, str) else value  # PostgreSQL takes no NUL
