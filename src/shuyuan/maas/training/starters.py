"""Where the starter models lie that a task builds on. Child processes only; refuses a file whose hash is another.

The child has no database: it finds a starter by the hash the catalogue vouches for, in the cache of this machine.
A test holds these lines against the catalogue's.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shuyuan.maas.training import task


class Starter(NamedTuple):
    """One file of the cache, whose further files lie beside it."""

    sha256: str
    filename: str


STARTERS: Mapping[str, Starter] = {
    "tiny": Starter(
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", "smollm2-135m-instruct-q4_1.gguf"
    ),
    "embed": Starter(
        "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f", "multilingual-e5-small-q4.bin"
    ),
    "minilm": Starter("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "model.safetensors"),
}


def path(name: str) -> Path:
    """The verified file of a starter. Raises BadTraining when it is not here or not what it should be."""
    starter = STARTERS[name]
    found = cache() / starter.sha256 / starter.filename
    if not found.is_file():
        raise task.BadTraining(f"the model {name!r} is not on this machine", fix=f"run `shuyuan pull {name}` first")
    with found.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != starter.sha256:
            raise task.BadTraining(
                f"the file of the model {name!r} has changed", fix=f"run `shuyuan pull {name}` again"
            )
    return found


def cache() -> Path:
    """`$SHUYUAN_CACHE`, else `~/.cache/shuyuan/models`: the catalogue's own words."""
    return Path(os.environ.get("SHUYUAN_CACHE") or "~/.cache/shuyuan/models").expanduser()
