"""A school's own models as the workshop shows them: versions, what is deployed, what was compressed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shuyuan.maas.catalogue.interface import Version, runner_kinds
from shuyuan.maas.deployment.interface import Deployment
from shuyuan.web.needs import WorkshopNeeds

FIGURES_SHOWN = 3
_FIRST = ("accuracy", "macro_f1", "auc", "rmse", "ndcg_at_10", "perplexity", "chrf", "loss")  # the usual ones
_OF_ITS_FILE = ("_ms", "_bytes", "_per_s")
_TO_ITS_PARENT = ("agreement", "cosine", "rmse_to_parent")
_ON = "validation_"


@dataclass(frozen=True)
class Own:
    """A model with versions of this school or shared ones, newest first."""

    name: str
    versions: Sequence[Version]
    deployment: Deployment

    def number(self, version_id: str | None) -> int | None:
        """The number of a version by its id; None where it is none of this model."""
        return next((one.number for one in self.versions if one.id == version_id), None)

    def children(self, version: Version) -> list[Version]:
        """What was made from it."""
        return [one for one in self.versions if one.parent_id == version.id]


def validated(version: Version) -> dict[str, float]:
    """How good it is on the validation part, by bare names. A compressed child is measured there and nowhere else."""
    if "compression" in version.lineage:
        left_out = {name for name in version.figures if name.endswith(_OF_ITS_FILE)} | {*_TO_ITS_PARENT}
        return {name: value for name, value in version.figures.items() if name not in left_out}
    return {name.removeprefix(_ON): value for name, value in version.figures.items() if name.startswith(_ON)}


def shared(versions: Sequence[Version]) -> list[str]:
    """Figures of the validation part that most versions have, the usual ones first: the same for parent and child."""
    counts = Counter(name for version in versions for name in validated(version))
    places = {name: at for at, name in enumerate(_FIRST)}
    return sorted(counts, key=lambda name: (-counts[name], places.get(name, len(places)), name))[:FIGURES_SHOWN]


def own(needs: WorkshopNeeds, school_id: str, only: str = "") -> list[Own]:
    """Every model with versions that are served here; or the one named."""
    entries = {info.entry.name for info in needs.catalogue.models()}
    names = [name for name in needs.catalogue.known(school_id) if name not in entries and only in ("", name)]
    found = []
    for name in names:
        versions = [one for one in needs.catalogue.versions(school_id, name) if one.runner in runner_kinds()]
        if versions:
            found.append(Own(name, versions, needs.deployment.deployment(school_id, name)))
    return found
