"""Environments of peers: each in its own folder outside this project, from pinned requirements, made once.

A peer's packages never meet ours. The folder is named after the requirements' hash: a changed pin makes a new one.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers"


def folder() -> Path:
    """`$SHUYUAN_PEERS`, else `~/.cache/shuyuan/peers`."""
    return Path(os.environ.get("SHUYUAN_PEERS") or "~/.cache/shuyuan/peers").expanduser()


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, installed at first use from `bench/peers/PEER.txt`.

    Raises FileNotFoundError for an unknown peer, CalledProcessError when its packages cannot be installed.
    """
    pinned = (PEERS / f"{peer}.txt").read_bytes()
    home = folder() / f"{peer}-{hashlib.sha256(pinned).hexdigest()[:8]}"
    python, done = home / "bin" / "python", home / "installed"
    if not done.is_file():
        print(f"installing {peer} into {home} …", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        quiet = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*quiet, "-r", str(PEERS / f"{peer}.txt")], check=True)
        done.touch()
    return python
