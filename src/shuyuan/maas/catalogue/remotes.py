"""Whom a brought `remote` version may call: the origins that whoever owns the machine has listed.

Checked once, when the version is registered: an artefact never changes afterwards, and a list made shorter later does
not stop what is registered. Link-local addresses are refused for everybody, and again by the runner.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from shuyuan.kernel import errors, origins
from shuyuan.maas.catalogue import interface

_MAX_BYTES = 64 << 10


class NotListed(errors.Forbidden):
    """The file would make this server call somebody its owner has not listed, or with another key."""

    code = "upstream_not_listed"


def check(path: Path) -> None:
    """Raise RefusedFile unless the file names plain addresses and keys that may be sent."""
    list(_asked(path))


def check_listed(path: Path, remote_upstreams: Sequence[str]) -> None:
    """Raise NotListed unless every upstream's origin is listed, with the same key or none."""
    listed = {origins.listed(entry) for entry in remote_upstreams}
    keyless = {(origin, "") for origin, _ in listed}
    for asked in _asked(path):
        if asked not in listed | keyless:
            raise NotListed(
                f"this server may not call {' with the key '.join(filter(None, asked))}",
                fix=f"let whoever owns the machine list {' '.join(asked).strip()!r} in the setting remote_upstreams "
                "(SHUYUAN_REMOTE_UPSTREAMS), or bring the file with `shuyuan import`",
            )


def _asked(path: Path) -> Iterator[tuple[str, str]]:
    """Origin and key variable of every upstream."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
        said: Any = json.loads(path.read_bytes())  # Any: a stranger's JSON; what it lacks is caught below
        for one in [*said["upstreams"]] or [{}]:
            _ = str(one["model"])
            yield origins.of(str(one["url"])), origins.key_name(str(one.get("key_env") or ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise interface.RefusedFile(
            f"the file is no description of a remote model: {str(wrong)[:300]}",
            fix='write {"upstreams": [{"url": …, "model": …}]}',
        ) from wrong
