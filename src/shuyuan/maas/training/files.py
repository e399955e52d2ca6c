"""Files of a run for whoever asks: those in its folder while they are whole, else copied again from the store."""

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.training import folders, interface, outcomes, preparing, references, store


class RunFiles:
    """The folders of one home, and what the artefact store kept of them."""

    def __init__(self, storage: kernel_storage.Storage, root: Path) -> None:
        self._storage, self.root = storage, root

    def folder(self, run_id: str) -> folders.RunFolder:
        """Where a run works."""
        return folders.RunFolder(self.root / run_id)

    def artefact(self, run: interface.Run, name: str) -> Path:
        """A local, verified copy. Raises NoArtefact."""
        kept = run.artefacts.get(name)
        if kept is None:
            made = ", ".join(run.artefacts) or "none yet"
            raise interface.NoArtefact(f"run {run.number} has no file {name[:120]!r}", fix=f"its files: {made}")
        folder = self.folder(run.id)
        path = folder.metrics_file if name == outcomes.METRICS else folder.out / name
        if not _is_whole(path, kept):
            preparing.copy(self._storage, kept.sha256, path)
        return path

    def curve(self, run: interface.Run) -> Path:
        """Where the curves lie; brought back from the store once the folder is gone."""
        path = self.folder(run.id).metrics_file
        if not path.is_file() and outcomes.METRICS in run.artefacts:
            preparing.copy(self._storage, run.artefacts[outcomes.METRICS].sha256, path)
        return path

    def told(self, row: Row[Any]) -> interface.Run:
        """A row as people see it, with what its child says just now."""
        run = store.told(row)
        if run.state != "running":
            return run
        said = self.folder(run.id).progress()
        figures = folders.finite(said)
        live: dict[str, Any] = {name: int(figures[name]) for name in ("step", "steps", "epoch") if name in figures}
        live |= {"eta_s": figures["eta_s"]} if "eta_s" in figures else {}
        live |= {"stage": str(said["stage"])} if "stage" in said else {}
        live["cpu_s"] = run.cpu_s + figures.get("cpu_s", 0.0)
        live["peak_rss_bytes"] = max(run.peak_rss_bytes, int(figures.get("rss_bytes", 0)))
        return run.model_copy(update=live)


def name_of(reference: str) -> references.RunFile:
    """The run and the file that `runs:/id/out/model.onnx` names. Raises BadReference."""
    found = references.read(reference)
    if not found.name:
        raise interface.BadReference(f"{reference[:120]!r} names no file", fix="use runs:/id/out/model.onnx")
    return found


def _is_whole(path: Path, kept: interface.Artefact) -> bool:
    if not path.is_file() or path.stat().st_size != kept.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == kept.sha256
