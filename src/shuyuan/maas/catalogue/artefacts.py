"""A version's artefact as a local file: copied once from the store into the cache, verified by its address."""

import os
import shutil
import tempfile
from pathlib import Path

from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import cache, interface


def local_file(storage: kernel_storage.Storage, cache_dir: Path, sha256: str) -> Path:
    """The file of an artefact, copied again if it was changed. Raises NotFound, HashMismatch (from the store)."""
    path = cache_dir / sha256 / "artefact"
    kept = cache.Kept(path, sha256, of=f"artefact {sha256[:12]}")
    if not _is_whole(kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        kept.accept(_copied(storage, sha256, path.parent))
    return path


def forget(cache_dir: Path, sha256: str) -> None:
    """Remove the local copy; a worker that has it open goes on until it ends."""
    shutil.rmtree(cache_dir / sha256, ignore_errors=True)


def _is_whole(kept: cache.Kept) -> bool:
    try:
        return kept.is_verified()
    except interface.HashMismatch:  # deleted; the store still has it
        return False


def _copied(storage: kernel_storage.Storage, sha256: str, folder: Path) -> Path:
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
        try:
            storage.copy_to(sha256, partial)
            partial.flush()
            os.fsync(partial.fileno())
        except BaseException:
            Path(partial.name).unlink()
            raise
    return Path(partial.name)
