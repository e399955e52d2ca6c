"""The artefact of a remote model: a JSON file that names its upstreams. Refuses what is not a plain HTTP address.

    {"upstreams": [{"url": "http://127.0.0.1:11434/v1", "model": "qwen3", "weight": 1, "key_env": "OLLAMA_API_KEY"}],
     "timeout_s": 60, "retries": 2}

A key never stands in the file: `key_env` names a variable of the server's environment, and the name must end with
`_API_KEY`, so that no other secret can be sent away.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shuyuan.maas.runners import interface, upstreams

_MAX_BYTES = 64 << 10
_MAX_UPSTREAMS = 16
_MAX_RETRIES = 5
_KEY_ENV = re.compile(r"[A-Z][A-Z0-9_]{0,60}_API_KEY")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What the file says. timeout_s: the longest wait for the next byte."""

    upstreams: tuple[upstreams.Upstream, ...]
    timeout_s: float
    retries: int


def read(path: Path) -> RemoteFile:
    """Raises BadModelFile."""
    try:
        said = json.loads(path.read_bytes()[: _MAX_BYTES + 1])
        found = tuple(_upstream(one) for one in said["upstreams"])
        timeout_s, retries = _number(said.get("timeout_s", 60), 0.01, 3600), int(said.get("retries", 2))
        if not 1 <= len(found) <= _MAX_UPSTREAMS or not 0 <= retries <= _MAX_RETRIES:
            raise ValueError(f"1 to {_MAX_UPSTREAMS} upstreams and 0 to {_MAX_RETRIES} retries")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise interface.BadModelFile(f"{path.name}: {wrong}", fix="write {upstreams: [{url, model}]}") from wrong
    return RemoteFile(found, timeout_s, retries)


def _upstream(said: dict[str, object]) -> upstreams.Upstream:
    url, model, key_env = str(said["url"]), str(said["model"]), str(said.get("key_env") or "")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"url {url!r} must be http(s)://host[:port]/path and hold no key")
    if key_env and not _KEY_ENV.fullmatch(key_env):
        raise ValueError(f"key_env {key_env!r} must be a variable's name ending with _API_KEY")
    return upstreams.Upstream(url.rstrip("/"), model, _number(said.get("weight", 1), 0, 1e6), key_env)


def _number(value: object, least: float, most: float) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{value!r} must be {least} to {most}")
    return float(value)
