"""TensorFlow's own environment: a venv in the cache with pinned requirements, made on demand and never imported from.

Nothing of TensorFlow enters this process or its children: only the environment's own Python runs `tensorflow_script`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from shuyuan.maas.conversion import interface

REQUIREMENTS = ("tensorflow-cpu==2.21.0", "tf2onnx==1.17.0", "onnx==1.23.2", "numpy==2.4.6")
_NEEDED_BYTES = 4 << 30
_REFUSED = 64
_LIMIT_S = 900
_SCRIPT = Path(__file__).with_name("tensorflow_script.py")


class Environment:
    """One venv; `ready` once everything is installed."""

    def __init__(self, cache: Path) -> None:
        digest = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()[:8]
        self.path = cache / f"tensorflow-{digest}-py{sys.version_info[0]}{sys.version_info[1]}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return (self.path / "ready").is_file()

    def build(self) -> Path:
        """Make it, from the package index this machine is set up with. Raises MissingEnvironment."""
        if self.ready:
            return self.path
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(self.path.parent).free) < _NEEDED_BYTES:
            raise interface.MissingEnvironment(
                f"{free} bytes are free, it takes {_NEEDED_BYTES}", fix="free some space"
            )
        shutil.rmtree(self.path, ignore_errors=True)
        venv.create(self.path, with_pip=True)
        install = [str(self.python), "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(self.path, ignore_errors=True)
            raise interface.MissingEnvironment(
                f"pip could not install it: {done.stderr.strip()[-400:]}", fix="check the network and pip's index"
            )
        (self.path / "ready").write_text("\n".join(REQUIREMENTS))
        return self.path

    def convert(self, kind: str, source: Path, target: Path, sample: Path) -> None:
        """Run the script. Raises MissingEnvironment, RefusedModel."""
        if not self.ready:
            raise interface.MissingEnvironment(
                "TensorFlow's own environment is not built on this machine (about 1.6 GB)",
                fix="run `shuyuan convert --build-environment` once, or convert to ONNX with tf2onnx yourself",
            )
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT") if name in os.environ}
        try:
            done = subprocess.run(
                [str(self.python), "-I", str(_SCRIPT), kind, str(source.resolve()), str(target), str(sample)],
                capture_output=True,
                text=True,
                check=False,
                timeout=_LIMIT_S,
                env=kept,
                cwd=target.parent,
            )
        except subprocess.TimeoutExpired as late:
            raise interface.RefusedModel(f"not converted within {_LIMIT_S} s", fix="bring a smaller model") from late
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise interface.RefusedModel(
                f"{source.name} was {'refused' if done.returncode == _REFUSED else 'not converted'}: {last[:300]}",
                fix="use layers that Keras brings, or convert to ONNX yourself",
            )
