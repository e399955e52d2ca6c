"""Models as the administrator's pages show them: entries to pull, versions a school brought, the memory bar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import extras
from shuyuan.maas.catalogue.interface import SHARED, ModelInfo, Version, runner_kinds
from shuyuan.maas.gateway.interface import Total
from shuyuan.maas.serving.interface import ModelStatus, Residency, require_keeper
from shuyuan.web import machine
from shuyuan.web.needs import OfficeNeeds

LABELS_SHOWN = 8
REMOTE = "remote"  # the runner of models that another server runs


@dataclass(frozen=True)
class Line:
    """One entry: its card, what it is doing, and how often it was called today."""

    info: ModelInfo
    status: ModelStatus
    calls: int

    @property
    def percent(self) -> int:
        """How much of it has arrived."""
        return round(100 * (self.status.progress or 0))

    @property
    def install(self) -> extras.HowTo | None:
        """What to type before its runner can run; None when nothing is missing."""
        return extras.how_to(self.info.missing_extra) if self.info.missing_extra else None

    @property
    def holdable(self) -> bool:
        """Whether it could be in memory: its files are here, and what runs it is installed."""
        return self.info.here and not self.info.missing_extra

    @property
    def file_count(self) -> int:
        """How many files the entry has."""
        return 1 + len(self.info.entry.also)


@dataclass(frozen=True)
class Brought:
    """A version that a school registered. status: None while it is not in memory."""

    version: Version
    champion: bool
    status: ModelStatus | None

    @property
    def labels(self) -> list[str]:
        """The names of a classifier's outputs."""
        found = self.version.spec.get("labels")
        return [str(label) for label in found] if isinstance(found, list) else []

    @property
    def some_labels(self) -> list[str]:
        """As many of them as one reads."""
        return self.labels[:LABELS_SHOWN]

    @property
    def shared(self) -> bool:
        """Whether every school of this installation sees it."""
        return self.version.school_id == SHARED

    @property
    def holdable(self) -> bool:
        """As for a Line; a model that runs elsewhere takes no memory here."""
        return self.version.runner != REMOTE and not self.install

    @property
    def install(self) -> extras.HowTo | None:
        """As for a Line."""
        missing = extras.missing(self.version.runner)
        return extras.how_to(missing) if missing else None


@dataclass(frozen=True)
class Own:
    """A model with versions of this school or shared ones, newest first."""

    name: str
    versions: Sequence[Brought]
    calls: int

    @property
    def chosen(self) -> Brought | None:
        """The version that its plain name means."""
        return next((one for one in self.versions if one.champion), None)

    @property
    def in_memory(self) -> int:
        """How many of its versions are loaded."""
        return sum(one.status is not None for one in self.versions)


@dataclass(frozen=True)
class Slice:
    """A piece of the memory bar: from and width in percent of the budget. name empty: models of other schools."""

    name: str
    size: str
    start: float
    width: float
    pinned: bool = False


def keeps(needs: OfficeNeeds, reader: Principal, school_id: str) -> bool:
    """Whether the reader may say how a model of this owner is held in memory."""
    try:
        require_keeper(reader, school_id, len(needs.identity.schools()))
    except errors.Forbidden:
        return False
    return True


def lines(needs: OfficeNeeds, reader: Principal) -> list[Line]:
    """Every entry."""
    states = {one.model: one for one in needs.engine.status() if one.school_id == SHARED}
    totals = _today(needs, reader)
    return [
        Line(
            info,
            states.get(info.entry.name, ModelStatus(info.entry.name, "absent")),
            _calls(totals, info.entry.name),
        )
        for info in needs.catalogue.models()
    ]


def brought(needs: OfficeNeeds, reader: Principal) -> list[Own]:
    """Every model with versions that are served here; what runs its own versions (the tracer) is not among them."""
    entries = {info.entry.name for info in needs.catalogue.models()}
    loaded = {(one.school_id, one.version): one for one in needs.engine.residency().models}
    totals = _today(needs, reader)
    names = [name for name in needs.catalogue.known(reader.school_id) if name not in entries]
    found = (Own(name, _versions(needs, reader, name, loaded), _calls(totals, name)) for name in names)
    return [one for one in found if one.versions]


def slices(found: Residency, reader: Principal) -> list[Slice]:
    """The models in memory, this school's and the shared ones by name."""
    whole = max(found.budget_bytes, found.used_bytes, 1)
    mine = [one for one in found.models if one.school_id in (SHARED, reader.school_id)]
    parts = [(one.version if one.school_id != SHARED else one.model, one.memory_bytes, one.pinned) for one in mine]
    others = found.used_bytes - sum(one.memory_bytes for one in mine)
    made: list[Slice] = []
    for name, count, pinned in [*parts, *([("", others, False)] if others > 0 else [])]:
        start = made[-1].start + made[-1].width if made else 0.0
        made.append(Slice(name.removeprefix("models:/"), machine.size(count), start, 100 * count / whole, pinned))
    return made


def _versions(
    needs: OfficeNeeds, reader: Principal, name: str, loaded: Mapping[tuple[str, str], ModelStatus]
) -> list[Brought]:
    history = needs.catalogue.alias_history(reader.school_id, name)
    chosen = history[0].version_id if history else ""
    return [
        Brought(one, one.id == chosen, loaded.get((one.school_id, one.uri)))
        for one in needs.catalogue.versions(reader.school_id, name)
        if one.runner in runner_kinds()
    ]


def _today(needs: OfficeNeeds, reader: Principal) -> list[Total]:
    midnight = datetime.now(needs.shell.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return needs.gateway.totals(reader, since=midnight)


def _calls(totals: Iterable[Total], name: str) -> int:
    """Calls of a model, whichever of its versions or aliases was named."""
    named = (f"models:/{name}/", f"models:/{name}@", f"{name}/", f"{name}@")
    return sum(one.requests for one in totals if one.model == name or one.model.startswith(named))
