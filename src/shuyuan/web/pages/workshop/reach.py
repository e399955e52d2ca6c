"""How far a no reaches: the versions made from one, and the work that reads them at the moment."""

from collections.abc import Sequence

from shuyuan.identity.interface import Principal
from shuyuan.maas.datasets.interface import DataSetVersion
from shuyuan.maas.pipelines import interface as pipelines
from shuyuan.maas.training import interface as training
from shuyuan.web.needs import WorkshopNeeds

_LOOKED_AT = 200


def readers(
    needs: WorkshopNeeds, reader: Principal, family: Sequence[DataSetVersion]
) -> list[training.Run | training.Search | pipelines.Pipeline]:
    """What reads one of these versions now: it stops when the consent is taken back."""
    uris = {one.uri for one in family}
    runs = (one for one in needs.training.runs(reader, limit=_LOOKED_AT) if not one.is_ended and one.data in uris)
    searches = (one for one in needs.training.searches(reader) if one.state == "running" and one.data in uris)
    made = (one for one in needs.pipelines.pipelines(reader.school_id) if one.state not in pipelines.ENDED)
    return [*runs, *searches, *(one for one in made if "data:/" + one.spec.data.removeprefix("data:/") in uris)]


def kin(version: DataSetVersion, every: Sequence[DataSetVersion]) -> list[DataSetVersion]:
    """All that share its rows: what it was made from, what was made from that; the same of whoever has its files."""
    by_id = {one.id: one for one in every}

    def whole(one: DataSetVersion) -> list[DataSetVersion]:
        while (parent := by_id.get(one.parent_id or "")) is not None:
            one = parent
        return [each for each in family(one, every) if each.purged_at is None]

    own = whole(version)
    files = {part.sha256 for one in own for part in one.parts.values()}
    others = (one for one in every if files & {part.sha256 for part in one.parts.values()} and one.purged_at is None)
    return list({one.id: one for each in (version, *others) for one in whole(each)}.values())


def family(version: DataSetVersion, every: Sequence[DataSetVersion]) -> list[DataSetVersion]:
    """A version and all made from it that still have rows."""
    found, new = [version], {version.id}
    while new:
        made = [one for one in every if one.parent_id in new and one.purged_at is None and one not in found]
        found, new = [*found, *made], {one.id for one in made}
    return found
