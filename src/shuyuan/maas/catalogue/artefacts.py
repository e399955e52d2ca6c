"""A version's artefact as a local file: copied once from the store into the cache, verified by its address."""

import os
import tempfile
from pathlib import Path

from shuyuan.kernel import storage as kernel_storage


def local_file(storage: kernel_storage.Storage, cache_dir: Path, sha256: str) -> Path:
    """The file of an artefact. Raises NotFound, HashMismatch (from the store)."""
    path = cache_dir / sha256 / "artefact"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as partial:
            partial.write(storage.get(sha256))
            partial.flush()
            os.fsync(partial.fileno())
        Path(partial.name).replace(path)
    return path
