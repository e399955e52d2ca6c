"""A zip of pictures in folders: the folder is the label. Every picture is opened once; a broken one is named."""

import io
from pathlib import Path, PurePosixPath

import polars as pl

from shuyuan.maas.datasets import findings, interface
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.reading import archives

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
_NAMED = 5  # broken pictures that an error names


def read(
    path: Path, told: interface.NewDataSet, bounds: Bounds, work_dir: Path, key: bytes
) -> tuple[pl.DataFrame, list[interface.Finding]]:
    """See Reader.read."""
    found: list[tuple[str, bytes]] = []
    broken, other = list[str](), 0
    for name, content in archives.members(path, bounds):
        if _is_furniture(name) or not name.lower().endswith(SUFFIXES):
            other += not _is_furniture(name)
        elif fault := fault_of(content, bounds.max_pixels):
            broken.append(f"{name} ({fault})")
        else:
            found.append((name, content))
    if broken:
        more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        raise interface.BadData(
            f"{len(broken)} pictures do not open: {'; '.join(broken[:_NAMED])}{more}", fix="save or leave out these"
        )
    if not found:
        raise interface.EmptyData("the archive holds no picture", fix=f"pack files ending with {' '.join(SUFFIXES)}")
    said = [findings.found("read", ("read", {"format": "images"}), count=len(found), action="read")]
    if other:
        said.append(findings.found("read", ("no_pictures", {}), count=other, action="left out"))
    return _table(sorted(found)), said


def fault_of(content: bytes, max_pixels: int) -> str:
    """Why a picture does not open; empty when it does."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "BMP", "GIF", "WEBP")) as picture:
            if picture.size[0] * picture.size[1] > max_pixels:
                return f"{picture.size[0]} x {picture.size[1]} pixels"
            picture.load()
    except Exception as wrong:  # Pillow raises many kinds for damaged files
        return str(wrong)[:80] or type(wrong).__name__
    return ""


def _table(found: list[tuple[str, bytes]]) -> pl.DataFrame:
    labels = [PurePosixPath(name).parent.name or None for name, _ in found]
    return pl.DataFrame(
        {"image": [content for _, content in found], "label": labels, "path": [name for name, _ in found]},
        schema={"image": pl.Binary, "label": pl.String, "path": pl.String},
    )


def _is_furniture(name: str) -> bool:
    """What operating systems leave in archives."""
    return "__MACOSX" in name or PurePosixPath(name).name in (".DS_Store", "Thumbs.db", "desktop.ini")
