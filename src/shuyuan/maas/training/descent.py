"""From whose rows weights learned: those of the run that made them, and of everything that it went on from.

A no reaches them: what learned from rows that may no longer be read is not gone on from, nor is what came of it.
"""

import contextlib

from sqlalchemy import Connection

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import interface, references, store

_MODELS = "models:/"
_MOST_STEPS = 1_000  # back; a chain of runs has no loops, a version that somebody brought may tell anything


def require_agreed(
    conn: Connection,
    catalogue: catalogue_api.Catalogue,
    datasets: datasets_api.DataSets,
    school_id: str,
    parent: str | None,
) -> None:
    """Raises NoWeights for a parent that learned, at whatever remove, from data that may not be trained on."""
    for data in _data_behind(conn, catalogue, school_id, parent):
        with contextlib.suppress(datasets_api.UnknownDataSet):
            version = datasets.version(school_id, data)
            try:
                datasets.require_trainable(version)
            except errors.ShuyuanError as refused:
                raise interface.NoWeights(
                    f"{parent} learned from {data}, which may not be learned from: {refused.message}",
                    fix="go on from a version made of other data, or train without a parent",
                ) from refused


def _data_behind(
    conn: Connection, catalogue: catalogue_api.Catalogue, school_id: str, parent: str | None
) -> dict[str, None]:
    """`data:/name/3` of every run and version on the way back, the nearest first."""
    found, waiting, seen = dict[str, None](), [parent], set[str | None]()
    while waiting and len(seen) < _MOST_STEPS:
        one = waiting.pop()
        if not one or one in seen:
            continue
        seen.add(one)
        if one.startswith(interface.RUNS):
            row = store.run(conn, school_id, references.read(one).run)
            if row is not None:
                found[row.data] = None
                waiting += [row.parent, row.weights_of and interface.RUNS + row.weights_of]
        elif one.startswith(_MODELS):
            with contextlib.suppress(catalogue_api.UnknownModel, interface.BadReference):
                lineage = catalogue.resolve(school_id, one).lineage
                found |= dict.fromkeys(filter(None, [lineage.get("data")]))
                waiting += [lineage.get("run"), lineage.get("parent")]
    return found
