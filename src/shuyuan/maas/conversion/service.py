"""The verbs of conversion: convert a file in a child process, register what comes of it, take files that are sent."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from shuyuan.kernel import children, errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.conversion import environment, imports, interface


class ConversionService:
    """Implements `interface.Converting`."""

    def __init__(self, catalogue: catalogue_api.Catalogue, settings: kernel_settings.Settings) -> None:
        self._catalogue = catalogue
        self._environments = settings.cache.parent / "environments"
        self._most_bytes = settings.max_model_bytes
        self._folders = settings.home / "conversions"
        self._imports = imports.Imports(self._folders, settings.max_model_bytes, self._import)

    def convert(self, source: Path, folder: Path, stopped: Callable[[], bool] = lambda: False) -> interface.Converted:
        """See Converting.convert."""
        told = {"source": str(source.resolve()), "environments": str(self._environments.resolve())}
        (folder / "job.json").write_text(json.dumps({**told, "most_bytes": self._most_bytes}), "utf-8")
        return interface.Converted.model_validate(CHILDREN.run(folder, stopped=stopped))

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
        self._folders.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix="bring-", dir=self._folders) as folder:
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

    def start(
        self, school_id: str, actor_id: str, source: Path | IO[bytes], new: interface.NewImport
    ) -> interface.Import:
        """See Converting.start."""
        return self._imports.start(school_id, actor_id, source, new)

    def one(self, school_id: str, import_id: str) -> interface.Import:
        """See Converting.one."""
        return self._imports.one(school_id, import_id)

    def imports(self, school_id: str) -> list[interface.Import]:
        """See Converting.imports."""
        return self._imports.listed(school_id)

    def cancel(self, school_id: str, import_id: str) -> interface.Import:
        """See Converting.cancel."""
        return self._imports.cancel(school_id, import_id)

    def resume(self) -> int:
        """After a start: go on with files that were sent to an earlier server; how many."""
        return self._imports.resume()

    def close(self) -> None:
        """End the child at work."""
        self._imports.close()

    def _import(
        self, one: interface.Import, source: Path, folder: Path, stopped: Callable[[], bool]
    ) -> interface.Import:
        """Convert and register; a version that an earlier server made of the same file just before it died is it."""
        made = self.convert(source, folder, stopped)
        if stopped():
            raise children.Stopped
        asked = one.asked
        version = self._made_before(one, made.path) or self._catalogue.add_file(
            one.school_id,
            one.created_by,
            model=asked.model,
            source=made.path,
            runner=made.runner,
            tasks=made.tasks,
            spec={**made.spec, **asked.spec, **({"labels": list(asked.labels)} if asked.labels else {})},
        )
        found = {name: getattr(made, name) for name in ("kind", "notes", "largest_difference")}
        return one.model_copy(update={**found, "version": version.uri})

    def _made_before(self, one: interface.Import, path: Path) -> catalogue_api.Version | None:
        sha256 = _sha256(path)
        for known in self._catalogue.versions(one.school_id, one.asked.model):
            if known.artefact_sha256 == sha256 and known.created_at >= one.created_at:
                return known
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(said: children.Json) -> errors.ShuyuanError:
    known = (interface.MissingEnvironment, interface.NoRoom, interface.RefusedModel)
    kind = next((one for one in known if one.code == said["code"]), errors.BadInput)
    return kind(str(said["message"]), fix=str(said["fix"]), code=str(said["code"]))


def _lost(folder: Path, code: int, words: str) -> errors.ShuyuanError:
    return interface.ConversionLost(
        f"the process ended with code {code}: {words or 'no word'}", fix="send a smaller model, or free some memory"
    )


CHILDREN = children.Supervisor("shuyuan.maas.conversion.child", refused=_refused, lost=_lost)
