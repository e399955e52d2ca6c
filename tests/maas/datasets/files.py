"""Files as people send them, and what reads them."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image

from shuyuan.maas.datasets import interface, reading
from shuyuan.maas.datasets.bounds import Bounds

KEY = b"k" * 32


def read(
    path: Path, content: bytes, kind: interface.Format, bounds: Bounds | None = None, **told: Any
) -> tuple[pl.DataFrame, list[interface.Finding]]:
    """What the reader of a format makes of these bytes.  Any: fields of NewDataSet."""
    work_dir = path / "work"
    work_dir.mkdir(exist_ok=True)
    file = work_dir / "input"
    file.write_bytes(content)
    new = interface.NewDataSet.model_validate({"name": "marks", "format": kind, **told})
    return reading.reader(kind).read(file, new, bounds or Bounds(), work_dir, KEY)


def picture(shade: int = 0, size: tuple[int, int] = (8, 8)) -> bytes:
    """A grey PNG."""
    out = io.BytesIO()
    Image.new("L", size, shade).save(out, "PNG")
    return out.getvalue()


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def statement(who: str = "ada@school.example", verb: str = "answered", **result: Any) -> dict[str, Any]:  # Any: JSON
    """An xAPI statement."""
    return {
        "actor": {"mbox": f"mailto:{who}", "name": "Ada Lovelace"},
        "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
        "object": {"id": "https://school.example/items/7"},
        "result": result,
        "timestamp": "2026-09-01T08:00:00Z",
    }


def lines(*rows: Any) -> bytes:  # Any: JSON
    """JSON lines."""
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
