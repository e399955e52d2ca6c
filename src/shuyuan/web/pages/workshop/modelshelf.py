"""A school's own models as the workshop shows them: versions, what is deployed, what was compressed."""

from collections.abc import Sequence
from dataclasses import dataclass

from shuyuan.maas.catalogue.interface import Version, runner_kinds
from shuyuan.maas.deployment.interface import Deployment
from shuyuan.web.needs import WorkshopNeeds

FIGURES_SHOWN = 3


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
