"""The verbs of conversion: look at a file, convert it in a child process, register what comes of it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shuyuan.kernel import children
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.conversion import environment, interface, recognising

_MODULE = "shuyuan.maas.conversion.child"
_REFUSED = 64


class ConversionService:
    """Implements `interface.Converting`."""

    def __init__(self, catalogue: catalogue_api.Catalogue, settings: kernel_settings.Settings) -> None:
        self._catalogue = catalogue
        self._environments = settings.cache.parent / "environments"

    def convert(self, source: Path, folder: Path) -> interface.Converted:
        """See Converting.convert."""
        kind = recognising.kind_of(source)
        if kind == "gguf":
            return interface.Converted(
                kind=kind, path=source, runner="llama", notes=("GGUF is served as it is; its header is checked",)
            )
        job = {"source": str(source.resolve()), "environments": str(self._environments.resolve())}
        (folder / "job.json").write_text(json.dumps(job), "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", _MODULE, str(folder)],
            capture_output=True,
            text=True,
            check=False,
            env=children.environment(),
        )
        if done.returncode == _REFUSED:
            said = json.loads((folder / "error.json").read_text("utf-8"))
            kind_of_error = (
                interface.MissingEnvironment
                if said["code"] == interface.MissingEnvironment.code
                else interface.RefusedModel
            )
            raise kind_of_error(said["message"], fix=said["fix"], code=said["code"])
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise interface.ConversionLost(
                f"the process ended with {done.returncode}: {last[:300]}", fix="see the text"
            )
        return interface.Converted.model_validate_json((folder / "result.json").read_text("utf-8"))

    def bring(
        self,
        school_id: str,
        actor_id: str,
        source: Path,
        *,
        model: str,
        spec: Mapping[str, object] = {},
        champion: bool = False,
        reason: str = "",
    ) -> tuple[catalogue_api.Version, interface.Converted]:
        """See Converting.bring."""
        with tempfile.TemporaryDirectory(prefix="convert-") as folder:
            made = self.convert(source, Path(folder))
            version = self._catalogue.add_file(
                school_id,
                actor_id,
                model=model,
                source=made.path,
                runner=made.runner,
                tasks=made.tasks,
                spec={**made.spec, **spec},
                champion=champion,
                reason=reason,
            )
        return version, made

    def build_environment(self) -> Path:
        """See Converting.build_environment."""
        return environment.Environment(self._environments).build()
