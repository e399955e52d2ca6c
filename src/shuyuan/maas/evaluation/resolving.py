"""What a reference stands for: files of a version of the catalogue, or of a run. Refuses what cannot predict."""

import json
from pathlib import Path

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.evaluation.interface import RunFiles, Subject, UnknownSubject

RUNS = "runs:/"


class Resolver:
    """Looks subjects up. runs: None where no runs are kept here."""

    def __init__(self, catalogue: catalogue_api.Catalogue, runs: RunFiles | None) -> None:
        self._catalogue, self._runs = catalogue, runs

    def find(self, school_id: str, reference: str, data: str) -> Subject:
        """The subject's files. data: `data:/name/3` it will be evaluated on; predictions of other data are no use."""
        if reference.startswith(RUNS):
            return self._run(school_id, reference, data)
        return self._version(school_id, reference)

    def _version(self, school_id: str, reference: str) -> Subject:
        version = self._catalogue.resolve(school_id, reference)
        if version.runner != "onnx":
            raise UnknownSubject(
                f"{version.uri} is run by {version.runner!r}; only ONNX versions are predicted with here",
                fix="evaluate the run that made it, or convert it to ONNX",
            )
        found = self._catalogue.locate(version.uri, version.school_id)
        return Subject(uri=version.uri, task=str(version.spec.get("task", "")), model=found.path, spec=version.spec)

    def _run(self, school_id: str, reference: str, data: str) -> Subject:
        if self._runs is None:
            raise UnknownSubject(f"no runs are kept here: {reference!r}", fix="evaluate a version of the catalogue")
        run = self._runs.run_of(school_id, reference.removeprefix(RUNS))
        if run.state != "finished":
            raise UnknownSubject(f"{run.uri} is {run.state}", fix="wait until the run has finished")
        spec = self._file(school_id, run.id, "spec.json")
        model = self._file(school_id, run.id, "model.onnx")
        predictions = self._file(school_id, run.id, "predictions.parquet") if run.data == data else None
        if model is None and predictions is None:
            raise UnknownSubject(
                f"{run.uri} kept neither model.onnx nor predictions of {data}", fix="name its data set"
            )
        features = self._file(school_id, run.id, "features.json")
        return Subject(
            uri=run.uri,
            task=run.task,
            model=model if features is not None else None,
            spec=json.loads(spec.read_bytes()) if spec else {},
            features=features,
            predictions=(predictions,) if predictions else (),
        )

    def _file(self, school_id: str, run_id: str, name: str) -> Path | None:
        assert self._runs is not None
        try:
            return self._runs.artefact_of(school_id, run_id, name)
        except errors.NotFound:
            return None
