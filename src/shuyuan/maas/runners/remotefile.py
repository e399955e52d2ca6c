"""The artefact of a remote model: a JSON file that names its upstreams. Refuses what is not a plain HTTP address.

    {"upstreams": [{"url": "http://127.0.0.1:11434/v1", "model": "qwen3", "weight": 1, "key_env": "OLLAMA_API_KEY"}],
     "timeout_s": 60, "retries": 2, "trusted": false}

`trusted` says that the upstreams are the school's own: then personal data is not masked.

A key never stands in the file: `key_env` names a variable of the server's environment, and the name must end with
`_API_KEY`, so that no other secret can be sent away.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from shuyuan.kernel import origins
from shuyuan.maas.runners import interface, upstreams

_MAX_BYTES = 64 << 10
_MAX_UPSTREAMS = 16
_MAX_RETRIES = 5


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What the file says. timeout_s: the longest wait for the next byte.  trusted: nothing is masked."""

    upstreams: tuple[upstreams.Upstream, ...]
    timeout_s: float
    retries: int
    trusted: bool = False


def read(path: Path) -> RemoteFile:
    """Raises BadModelFile."""
    try:
        said = json.loads(path.read_bytes()[: _MAX_BYTES + 1])
        found = tuple(_upstream(one) for one in said["upstreams"])
        trusted = said.get("trusted", False)
        timeout_s, retries = _number(said.get("timeout_s", 60), 0.01, 3600), int(said.get("retries", 2))
        if not 1 <= len(found) <= _MAX_UPSTREAMS or not 0 <= retries <= _MAX_RETRIES:
            raise ValueError(f"1 to {_MAX_UPSTREAMS} upstreams and 0 to {_MAX_RETRIES} retries")
        if not isinstance(trusted, bool):
            raise ValueError("trusted must be true or false")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise interface.BadModelFile(f"{path.name}: {wrong}", fix="write {upstreams: [{url, model}]}") from wrong
    return RemoteFile(found, timeout_s, retries, trusted)


def _upstream(said: dict[str, object]) -> upstreams.Upstream:
    url, model, key_env = str(said["url"]), str(said["model"]), origins.key_name(str(said.get("key_env") or ""))
    origins.of(url)
    return upstreams.Upstream(url.rstrip("/"), model, _number(said.get("weight", 1), 0, 1e6), key_env)


def _number(value: object, least: float, most: float) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{value!r} must be {least} to {most}")
    return float(value)
