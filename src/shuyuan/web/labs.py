"""The lab's work: the three ways to teach a model about learners, compared in a child process of its own.

Each comparison is a folder of the home: what it was made from (`about.json`), what the child reads (`lab.json`) and
what it found (`lab_result.json`). Whether a child still works is told by a lock on the folder that it holds; so a
comparison goes on when the server is started again; one on rows that may no longer be read is ended. Judged on the
validation part alone: no test part is read.
"""

import contextlib
import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from shuyuan.kernel import children, errors, ids
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.datasets.interface import PURGED, WITHDRAWN, DataSets, DataSetVersion

COMMAND = (sys.executable, "-m", "shuyuan.maas.training.lab")
WAYS = ("per_learner", "incremental", "distributed")
KEPT, _MOST_PARENTS = 20, 20
_CHILD, _STOPPED, _LOG, _LOCK = "child.json", "stopped.json", "lab.log", "lock"
State = Literal["running", "finished", "failed"]


@dataclass(frozen=True)
class About:
    """What a comparison was made from."""

    id: str
    data: str
    person: str
    label: str
    epochs: int
    rounds: int
    processes: int
    created_at: str

    @property
    def at(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.created_at)


@dataclass(frozen=True)
class Comparison:
    """One comparison. done: how many of the three ways are through.  result: as the child wrote it, once finished."""

    about: About
    state: State
    done: int
    result: Mapping[str, Any]  # Any: JSON
    error: Mapping[str, str]


class PersonsApart(errors.BadInput):
    """No person is both learned from and judged on, so that one model per learner has nothing to say."""

    code = "persons_apart"


class Labs:
    """Comparisons of every school below one folder; a school sees its own."""

    def __init__(self, home: Path, datasets: DataSets) -> None:
        self._home, self._datasets = home / "labs", datasets
        self._children: dict[str, children.Process] = {}
        self._lock = threading.Lock()

    def suits(self, version: DataSetVersion) -> bool:
        """Whether it has persons who are in both parts, a label of two classes, and a validation part."""
        label = next(iter(version.with_role("label")), None)
        has_columns = label is not None and label.distinct == 2 and bool(version.with_role("person"))
        return has_columns and "validation" in version.parts and not self._is_apart(version)

    def start(self, version: DataSetVersion, *, epochs: int, rounds: int, processes: int) -> About:
        """Begin. Raises ConsentMissing, BadInput (data that does not suit), RateLimited while another one works."""
        self._datasets.require_trainable(version)
        if self._is_apart(version):
            raise PersonsApart(
                f"{version.uri} is split by person: nobody in its validation part was learned from",
                fix="split it at random or by time, so that each person is in both parts",
            )
        if not self.suits(version):
            raise errors.BadInput(
                f"{version.uri} needs a person column, a label of two classes and a validation part",
                fix="correct the roles and split it at random or by time, so that each person is in both parts",
            )
        person, label = version.with_role("person")[0].name, version.with_role("label")[0].name
        about = About(
            ids.new_id(), version.uri, person, label, epochs, rounds, processes, datetime.now(UTC).isoformat()
        )
        told = {
            "config": {"epochs": epochs, "hidden": [], "rate": 0.01},
            "columns": [
                {"name": one.name, "kind": one.kind, "role": one.role}
                for one in version.columns
                if one.role in ("feature", "label")
            ],
            "person": person,
            "train": str(self._datasets.open_part(version, "train")),
            "held": str(self._datasets.open_part(version, "validation")),
            "rounds": rounds,
            "processes": processes,
        }
        with self._lock:
            if any(one.state == "running" for one in self.list(version.school_id)):
                raise errors.RateLimited("a comparison is under way", fix="wait until it is finished", retry_after_s=30)
            folder = self._home / version.school_id / about.id
            folder.mkdir(parents=True, mode=0o700)
            (folder / "about.json").write_text(json.dumps(asdict(about), ensure_ascii=False))
            (folder / "lab.json").write_text(json.dumps(told, ensure_ascii=False))
            self._children[about.id] = _begin(folder)
        self._datasets.note_use(version, f"labs:/{about.id}")
        return about

    def list(self, school_id: str) -> list[Comparison]:
        """Newest first."""
        folders = sorted((self._home / school_id).glob("*/about.json"), reverse=True)[:KEPT]
        return [self._read(one.parent) for one in folders]

    def one(self, school_id: str, lab_id: str) -> Comparison:
        """Raises NotFound."""
        folder = self._home / school_id / lab_id
        if not lab_id.isalnum() or not (folder / "about.json").is_file():
            raise errors.NotFound(f"there is no comparison {lab_id[:40]!r}", fix="choose one of the list")
        return self._read(folder)

    def stop(self, event: kernel_outbox.Event) -> None:
        """End the comparisons under way of rows that may no longer be read."""
        data = frozenset(event.payload["data"])
        for one in self.list(event.school_id):
            if one.state == "running" and one.about.data in data:
                folder = self._home / event.school_id / one.about.id
                told = {"code": "consent_missing", "message": f"{one.about.data} may no longer be read"}
                (folder / _STOPPED).write_text(json.dumps({**told, "fix": "compare on data whose persons agree"}))
                _end(folder)

    def _is_apart(self, version: DataSetVersion) -> bool:
        """Whether its persons were dealt to one part each: by its own plan, or by that of a version it was made of."""
        known: DataSetVersion | None = version
        for _ in range(_MOST_PARENTS):
            if known is None:
                return False
            split = known.plan.get("split")
            if isinstance(split, Mapping):
                return split.get("by") == "person"
            known = self._datasets.version_by_id(known.school_id, known.parent_id) if known.parent_id else None
        return False

    def _read(self, folder: Path) -> Comparison:
        about = About(**json.loads((folder / "about.json").read_bytes()))
        if (child := self._children.get(about.id)) is not None and child.ended()[0]:
            self._children.pop(about.id, None)
        if (stopped := folder / _STOPPED).is_file():
            return Comparison(about, "failed", 0, {}, json.loads(stopped.read_bytes()))
        is_working, result = children.is_held(folder / _LOCK), folder / "lab_result.json"
        if result.is_file():
            return Comparison(about, "finished", len(WAYS), json.loads(result.read_bytes()), {})
        if is_working:
            passed = any(folder.glob("round-*")) + (folder / "distributed").is_dir()
            return Comparison(about, "running", passed, {}, {})
        told = {"code": "lab_failed", "message": _last_words(folder), "fix": "check the data set and compare again"}
        return Comparison(about, "failed", 0, {}, told)


def _begin(folder: Path) -> children.Process:
    """With what any child may know and take: no secret of the server, and less of the machine than those before it."""
    kind = children.Supervisor("shuyuan.maas.training.lab", COMMAND, log=_LOG, lock=_LOCK)
    child = kind.start(folder, threads=1)
    (folder / _CHILD).write_text(json.dumps({"pid": child.pid, "began": child.began}))
    return child


def _end(folder: Path) -> None:
    """The child and what it started, whichever server began it."""
    with contextlib.suppress(OSError, ValueError):  # it died before it could be noted
        children.Process(**json.loads((folder / _CHILD).read_bytes())).kill()


def _last_words(folder: Path) -> str:
    try:
        lines = (folder / _LOG).read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][-300:] if lines else "it ended without a word"


def register(outbox: kernel_outbox.Outbox, settings: kernel_settings.Settings, datasets: DataSets) -> None:
    """From now on comparisons hear which rows may no longer be read."""
    labs = Labs(settings.home, datasets)
    outbox.subscribe(WITHDRAWN, labs.stop)
    outbox.subscribe(PURGED, labs.stop)
