"""What a reference stands for: files of a version of the catalogue, or of a run. Refuses what cannot predict."""

import json
from collections.abc import Callable
from pathlib import Path

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.evaluation import families
from shuyuan.maas.evaluation.interface import BY_ROW, RunFacts, RunFiles, Subject, UnknownSubject

RUNS = "runs:/"
_PREDICTIONS = "predictions.parquet"


class Resolver:
    """Looks subjects up. runs: None where no runs are kept here.  is_cut: whether a run of a school's trials of this id
    has rows that were cut for it, and not those of the parts of its data set."""

    def __init__(
        self,
        catalogue: catalogue_api.Catalogue,
        runs: RunFiles | None,
        is_cut: Callable[[str, str], bool] = lambda school_id, search_id: False,
    ) -> None:
        self._catalogue, self._runs, self._is_cut = catalogue, runs, is_cut

    def find(self, school_id: str, reference: str) -> Subject:
        """The subject's own files, as far as there are any."""
        return self._run(school_id, reference) if reference.startswith(RUNS) else self._version(school_id, reference)

    def whole(self, school_id: str, subject: Subject, data: str) -> Subject:
        """With the predictions its run kept of `data` (`data:/name/3`), where a model alone does not give them.

        Raises UnknownSubject where nothing can be predicted with what there is.
        """
        if subject.predictions or (subject.model is not None and _is_by_row(subject) and not _is_run(subject)):
            return subject
        run = self.run_behind(school_id, subject.uri)
        if run is not None and run.search_id is not None and self._is_cut(school_id, run.search_id):
            run = None  # its predictions are of other rows than those of a part, under the same numbers
        kept = self._file(school_id, run.id, _PREDICTIONS) if run is not None and run.data == data else None
        if kept is not None:
            return subject.model_copy(update={"predictions": (kept,)})
        if subject.model is None or (
            _is_run(subject) and subject.features is None and not subject.spec.get("features")
        ):
            raise UnknownSubject(
                f"{subject.uri} has neither a model that can be asked here nor predictions of {data}",
                fix=f"evaluate it on {run.data}, which it predicted" if run else "convert it to ONNX",
            )
        return subject

    def run_behind(self, school_id: str, uri: str) -> RunFacts | None:
        """The run whose own file a version is, or the run itself; None for a file changed since, or from elsewhere."""
        if self._runs is None:
            return None
        sha256 = ""
        if not uri.startswith(RUNS):
            try:
                version = self._catalogue.resolve(school_id, uri)
            except errors.NotFound:
                return None
            uri, sha256 = version.lineage.get("run", ""), version.artefact_sha256
        try:
            run = self._runs.run_of(school_id, uri.removeprefix(RUNS)) if uri.startswith(RUNS) else None
        except errors.NotFound:
            return None
        if run is None or (sha256 and all(file.sha256 != sha256 for file in run.artefacts.values())):
            return None
        return run

    def _version(self, school_id: str, reference: str) -> Subject:
        version = self._catalogue.resolve(school_id, reference)
        subject = Subject(uri=version.uri, task=str(version.spec.get("task", "")), spec=version.spec)
        if version.runner == "onnx":
            found = self._catalogue.locate(version.uri, version.school_id)
            return subject.model_copy(update={"model": found.path})
        if self.run_behind(school_id, version.uri) is None:
            raise UnknownSubject(
                f"{version.uri} is run by {version.runner!r}; only ONNX versions are predicted with here",
                fix="evaluate the run that made it, or convert it to ONNX",
            )
        return subject

    def _run(self, school_id: str, reference: str) -> Subject:
        if self._runs is None:
            raise UnknownSubject(f"no runs are kept here: {reference!r}", fix="evaluate a version of the catalogue")
        run = self._runs.run_of(school_id, reference.removeprefix(RUNS))
        if run.state != "finished":
            raise UnknownSubject(f"{run.uri} is {run.state}", fix="wait until the run has finished")
        spec, features = self._file(school_id, run.id, "spec.json"), self._file(school_id, run.id, "features.json")
        return Subject(
            uri=run.uri,
            task=run.task,
            model=self._file(school_id, run.id, "model.onnx") if features is not None else None,
            spec=json.loads(spec.read_bytes()) if spec else {},
            features=features,
        )

    def _file(self, school_id: str, run_id: str, name: str) -> Path | None:
        assert self._runs is not None
        try:
            return self._runs.artefact_of(school_id, run_id, name)
        except errors.NotFound:
            return None


def _is_run(subject: Subject) -> bool:
    return subject.uri.startswith(RUNS)


def _is_by_row(subject: Subject) -> bool:
    """Whether its model is asked row by row; a task nobody knows is found out when it is asked."""
    try:
        return families.family_of(subject.task) in BY_ROW
    except UnknownSubject:
        return True
