"""What a run that stopped came to, told from its folder; and keeping what it made in the artefact store."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row

from shuyuan.kernel import errors
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.training import children, folders

State = Literal["queued", "paused", "failed", "cancelled", "finished"]
MOST_CRASHES = 3  # in a row without a new checkpoint
METRICS = "metrics.jsonl"
DISK_FULL = "disk_full"
_Values = dict[str, Any]  # Any: column values


class Outcome(NamedTuple):
    """The next state of a run and the columns that change with it."""

    state: State
    values: _Values


def of(row: Row[Any], folder: folders.RunFolder, code: int | None, storage: kernel_storage.Storage) -> Outcome:
    """Judge a child that is gone. code None: nobody saw how it ended. Doing it again gives the same."""
    used = _used(row, folder)
    if result := folder.result():
        return _finished(folder, result, used, storage)
    if row.wanted == "cancel":
        return Outcome("cancelled", used | _kept(folder, storage))
    if refused := folder.error():
        if refused.get("code") == DISK_FULL and _is_by_hand(row):
            return Outcome("paused", used | {"error": _told(refused)})
        return Outcome("failed", used | {"error": _told(refused)} | _kept(folder, storage))
    if row.wanted == "pause":
        return Outcome("paused", used)
    if code == children.PAUSED or folder.asked or row.pid is None:
        return Outcome("queued", used)
    return _crashed(row, folder, code, used, storage)


def failed(error: errors.ShuyuanError) -> Outcome:
    """A run that could not be started."""
    return Outcome("failed", {"error": error.to_dict()})


def without_room(row: Row[Any]) -> Outcome:
    """A run for which the disk was full before it began, or began again."""
    full = errors.BadInput(
        "the disk is full: what the run reads could not be laid ready", fix="free some space, then resume the run",
        code=DISK_FULL,
    )  # fmt: skip
    return Outcome("paused", {"error": full.to_dict()}) if _is_by_hand(row) else failed(full)


def _is_by_hand(row: Row[Any]) -> bool:
    """Whether a person waits for it, who can make room and resume it; what belongs to a larger work ends with that."""
    return row.search_id is None and row.key is None


def _finished(
    folder: folders.RunFolder, result: Mapping[str, Any], used: _Values, storage: kernel_storage.Storage
) -> Outcome:
    """Store every file and compare it with what the child said it wrote."""
    kept = _kept(folder, storage)
    files = result.get("files", {})
    for name, said in files.items():
        found = kept["artefacts"].get(name)
        if found is None or found["sha256"] != said.get("sha256"):
            changed = errors.ShuyuanError(
                f"{name} is not the file that the run wrote", fix="start the run again", code="artefact_changed"
            )
            return Outcome("failed", used | {"error": changed.to_dict()})
    folder.drop_checkpoints()
    steps = int(result.get("steps", 0))
    told = {
        "figures": folders.finite(result.get("figures")),
        "weights_sha256": str(result.get("weights_sha256", ""))[:64],
        "versions": {str(name): str(version) for name, version in dict(result.get("versions", {})).items()},
        "stage": "done",
        "step": steps,
        "steps": steps,
    }
    return Outcome("finished", used | kept | told)


def _crashed(
    row: Row[Any], folder: folders.RunFolder, code: int | None, used: _Values, storage: kernel_storage.Storage
) -> Outcome:
    stuck = 1 if folder.checkpoint_step() > row.step else row.stuck + 1
    counted = used | {"crashes": row.crashes + 1, "stuck": stuck, "step": folder.checkpoint_step()}
    if stuck <= MOST_CRASHES:
        return Outcome("queued", counted)
    error = errors.ShuyuanError(
        f"the training process ended {stuck} times without getting further (exit code {code}): {folder.last_words()}",
        fix="lower batch or the size of the net if memory ran out; the last line says more",
        code="run_crashed",
    )
    return Outcome("failed", counted | {"error": error.to_dict()} | _kept(folder, storage))


def _kept(folder: folders.RunFolder, storage: kernel_storage.Storage) -> _Values:
    """Everything in `out/` and the curves, in the artefact store."""
    paths = [path for path in sorted(folder.out.rglob("*")) if path.is_file() and path.suffix != ".partial"]
    files = {path.relative_to(folder.out).as_posix(): path for path in paths}
    if folder.metrics_file.is_file():
        files[METRICS] = folder.metrics_file
    return {"artefacts": {name: _stored(path, storage) for name, path in files.items()}}


def _stored(path: Path, storage: kernel_storage.Storage) -> dict[str, str | int]:
    return {"sha256": storage.put_file(path), "size_bytes": path.stat().st_size}


def _used(row: Row[Any], folder: folders.RunFolder) -> _Values:
    """Processor time of all attempts together, and the most memory any of them took."""
    said = folder.progress()
    told = folders.finite(said)
    return {
        "cpu_s": row.cpu_s + told.get("cpu_s", 0.0),
        "peak_rss_bytes": max(row.peak_rss_bytes, int(told.get("rss_bytes", 0))),
        "stage": str(said.get("stage", row.stage))[:32],
        "step": int(told.get("step", row.step)),
        "steps": int(told.get("steps", row.steps)),
        "epoch": int(told.get("epoch", row.epoch)),
    }


def _told(error: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(error.get(name, ""))[:2000] for name in ("code", "message", "fix")}
