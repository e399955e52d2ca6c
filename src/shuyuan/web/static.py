"""Static files: kept in memory, compressed once, addressed by the hash of their content and cached for a year."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response

from shuyuan.kernel import errors

FOREVER = "public, max-age=31536000, immutable"
SMALLEST_WORTH_PACKING = 400  # bytes; below it gzip saves nothing
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """One file, ready to send."""

    name: str
    body: bytes
    packed: bytes
    version: str
    media_type: str

    @property
    def url(self) -> str:
        """Changes whenever the content does."""
        return f"/static/{self.version}/{self.name}"


@cache
def assets() -> dict[str, Asset]:
    """Every file under static/, by its path there."""
    return {asset.name: asset for asset in _walk(resources.files("shuyuan.web") / "static", "")}


def url(name: str) -> str:
    """Address of a file that must be there."""
    return assets()[name].url


def present(name: str) -> bool:
    """Whether a file is there (what is fetched at build may be absent: pages work without it)."""
    return name in assets()


def router() -> APIRouter:
    """`GET /static/{version}/{name}`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/static/{version}/{name:path}")
    def static(request: Request, version: str, name: str) -> Response:
        asset = assets().get(name)
        if asset is None:
            raise errors.NotFound(f"no file {name}", fix="reload the page")
        caching = FOREVER if version == asset.version else "no-cache"
        return packed_response(request, asset.body, asset.media_type, packed=asset.packed, caching=caching)

    return api


def packed_response(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    packed: bytes | None = None,
    caching: str = "no-store",
    status: int = 200,
) -> Response:
    """Gzip where the browser takes it. Event streams never come through here."""
    headers = {"cache-control": caching, "vary": "accept-encoding, cookie" if packed is None else "accept-encoding"}
    if len(body) >= SMALLEST_WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        body = packed if packed is not None else gzip.compress(body, compresslevel=5, mtime=0)
    return Response(body, status_code=status, media_type=media_type, headers=headers)


def _walk(folder: Traversable, prefix: str) -> list[Asset]:
    found: list[Asset] = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            found.extend(_walk(entry, f"{prefix}{entry.name}/"))
        elif not entry.name.startswith("."):
            found.append(_load(entry, prefix + entry.name))
    return found


def _load(entry: Traversable, name: str) -> Asset:
    body = entry.read_bytes()
    suffix = "." + name.rpartition(".")[2]
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    version = hashlib.sha256(body).hexdigest()[:12]
    return Asset(name, body, gzip.compress(body, compresslevel=9, mtime=0), version, media_type)
