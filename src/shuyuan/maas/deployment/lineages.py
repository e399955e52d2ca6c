"""Where a version came from and where it went: data set → run → report → gate → version → deployment.

Of its parents data and runs are drawn. What reports and gates said of them does not speak for it, and is left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from shuyuan.kernel import db, errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface, store
from shuyuan.maas.evaluation import interface as evaluation_api

_COLUMN: Mapping[str, int] = {"data": 0, "run": 1, "report": 2, "gate": 3, "version": 4, "deployment": 5}
_MOST_PARENTS, _MOST_REPORTS = 8, 20
_WORDS = {
    "promoted": ("现用", "Champion"),
    "canary": ("小范围试用", "Trial rollout"),
    "shadow": ("影子", "Shadow"),
    "rolled_back": ("已退回", "Rolled back"),
    "stopped": ("已停止", "Stopped"),
}


class Lineages:
    """Reads what others keep; keeps nothing itself."""

    def __init__(
        self, db: db.Database, catalogue: catalogue_api.Catalogue, evaluation: evaluation_api.Evaluation | None
    ) -> None:
        self._db, self._catalogue, self._evaluation = db, catalogue, evaluation

    def graph(
        self, school_id: str, version: catalogue_api.Version, deployment: interface.Deployment
    ) -> interface.Graph:
        """Of one version, its parents included."""
        drawn = _Drawn()
        for one in reversed(self._ancestors(school_id, version)):
            self._add(drawn, school_id, one, judged=one.id == version.id)
        self._deployed(drawn, school_id, version, deployment)
        return drawn.graph()

    def _ancestors(self, school_id: str, version: catalogue_api.Version) -> list[catalogue_api.Version]:
        """The version, its parent, the parent's parent …"""
        known = {one.id: one for one in self._catalogue.versions(school_id, version.model)}
        way = [version]
        while len(way) < _MOST_PARENTS and (parent := known.get(way[-1].parent_id or "")) is not None:
            way.append(parent)
        return way

    def _add(self, drawn: "_Drawn", school_id: str, version: catalogue_api.Version, *, judged: bool) -> None:
        made_of = list(dict.fromkeys(version.lineage.values()))
        runs = [one for one in made_of if one.startswith("runs:/")]
        data = [one for one in made_of if one.startswith("data:/")]
        for one in data:
            drawn.add(one, "data", one)
        for one in runs:
            drawn.add(one, "run", one, after=data)
        subjects = [*runs, version.uri] if judged else []
        last = self._reports(drawn, school_id, subjects, before_version=not version.parent_id)
        drawn.add(version.id, "version", version.uri, detail=_size(version.size_bytes))
        for before in last or runs or data:
            drawn.link(before, version.id)
        drawn.link(version.parent_id, version.id)

    def _reports(self, drawn: "_Drawn", school_id: str, subjects: Sequence[str], *, before_version: bool) -> list[str]:
        """Every report of these subjects and what gates said of it; returns the passed gates, else the last boxes."""
        if self._evaluation is None:
            return []
        passed, others = list[str](), list[str]()
        for subject in subjects:
            for report in self._evaluation.reports(school_id, subject=subject, limit=_MOST_REPORTS)[::-1]:
                state: interface.NodeState = {"finished": "done", "running": "running"}.get(report.state, "failed")  # type: ignore[assignment]  # one of the words
                figure = report.figures.get(report.main_figure)
                told = f"{report.main_figure} {figure:.3f}" if figure is not None else report.part
                drawn.add(report.id, "report", report.data, detail=told, state=state, after=[subject, report.data])
                for verdict in self._verdicts(school_id, report.id):
                    failed = ", ".join(line.figure for line in verdict.failed)
                    name = verdict.id or f"{report.id}:{verdict.gate}"
                    drawn.add(
                        name,
                        "gate",
                        verdict.gate,
                        detail=failed,
                        state="done" if verdict.passed else "failed",
                        after=[report.id],
                    )
                    if verdict.passed:
                        passed.append(name)
                others.append(report.id)
        return passed or (others if before_version else [])

    def _verdicts(self, school_id: str, report_id: str) -> list[evaluation_api.Verdict]:
        try:
            return [] if self._evaluation is None else self._evaluation.verdicts(school_id, report_id)[::-1]
        except errors.NotFound:
            return []

    def _deployed(
        self, drawn: "_Drawn", school_id: str, version: catalogue_api.Version, deployment: interface.Deployment
    ) -> None:
        with self._db.read() as conn:
            changes = store.history(conn, school_id, version.model)[::-1]
            edge = store.edge_totals(conn, school_id, version.model, version.number)
        for change, word in _told_of(version.number, changes):
            zh, en = _WORDS[word]
            drawn.add(
                change.id,
                "deployment",
                catalogue_api.LocalText(zh=zh, en=en),
                detail=change.reason,
                state="taken_back" if word == "rolled_back" else "done",
                after=[version.id],
            )
        if deployment.champion == version.number and not any(change.version == version.number for change in changes):
            drawn.add("champion", "deployment", catalogue_api.LocalText(zh="现用", en="Champion"), after=[version.id])
        if edge.bundles:
            told = catalogue_api.LocalText(zh="离线包", en="Edge bundles")
            detail = f"{edge.bundles} · {edge.calls} calls"
            drawn.add("edge", "deployment", told, detail=detail, after=[version.id])


def _size(size_bytes: int) -> str:
    """As people say it.

    >>> _size(2_100), _size(2_500_000)
    ('2.1 kB', '2.5 MB')
    """
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.1f} kB"


def _told_of(
    number: int, changes: Sequence[interface.Change]
) -> Iterator[tuple[interface.Change, interface.ChangeKind]]:
    """What became of a version, oldest first. A canary taken back is no news of the champion that stayed."""
    champion: int | None = None
    for change in changes:
        if change.kind == "promoted" or (change.kind == "rolled_back" and change.previous == champion):
            champion = change.version
            if change.version == number:
                yield change, "promoted"
        if change.previous == number and change.kind in ("rolled_back", "stopped"):
            yield change, change.kind
        if change.version == number and change.kind in ("canary", "shadow"):
            yield change, change.kind


class _Drawn:
    """Nodes and edges as they are found; each once."""

    def __init__(self) -> None:
        self._nodes: dict[str, interface.Node] = {}
        self._edges: dict[tuple[str, str], None] = {}

    def add(
        self,
        name: str,
        kind: interface.NodeKind,
        title: str | catalogue_api.LocalText,
        *,
        detail: str = "",
        state: interface.NodeState = "done",
        after: Iterable[str] = (),
    ) -> None:
        told = catalogue_api.LocalText(zh=title, en=title) if isinstance(title, str) else title
        if name not in self._nodes:
            self._nodes[name] = interface.Node(
                id=name, kind=kind, column=_COLUMN[kind], title=told, detail=detail, state=state
            )
        for before in after:
            self.link(before, name)

    def link(self, before: str | None, after: str) -> None:
        if before and before != after:
            self._edges[before, after] = None

    def graph(self) -> interface.Graph:
        """Edges whose ends are both there, from left to right."""
        there = {(a, b): None for a, b in self._edges if a in self._nodes and b in self._nodes}
        return interface.Graph(nodes=tuple(self._nodes.values()), edges=tuple(there))
