"""Whoever reads rows that may no longer be read is stopped, and what they foretold of single rows is removed.

The other rooms stand above this one: they are told by protocols of what is asked of them, and handed in at start.
"""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors, log
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import storage as kernel_storage

PREDICTIONS = "predictions.parquet"
_ENDED = ("finished", "failed", "cancelled")
_MOST = 100_000
_logger = log.get("datasets.stopping")
# Any below: runs, searches, compressions, pipelines; their types stand in rooms above this one


class Training(Protocol):
    """Runs and searches."""

    def searches(self, principal: Principal, *, limit: int = 50) -> Sequence[Any]: ...
    def cancel_search(self, principal: Principal, search_id: str) -> object: ...
    def runs_on(self, school_id: str, data: Collection[str]) -> Sequence[Any]: ...
    def runs_with(self, sha256: str) -> Sequence[Any]: ...
    def cancel_for(self, school_id: str, actor_id: str, run_id: str) -> object: ...


class Compressing(Protocol):
    """Compressions."""

    def compressions(self, school_id: str, *, limit: int = 100) -> Sequence[Any]: ...
    def cancel(self, school_id: str, actor_id: str, compression_id: str) -> object: ...


class Evaluation(Protocol):
    """Reports; cross-validations, and fits with shuffled labels."""

    def reports(self, school_id: str, *, data: str | None = None, limit: int = 100) -> Sequence[Any]: ...
    def cancel_report(self, principal: Principal, report_id: str) -> object: ...

    def refits_on(self, school_id: str, data: Collection[str]) -> Sequence[Any]: ...
    def cancel_refit(self, principal: Principal, refit_id: str) -> object: ...


class Pipelines(Protocol):
    """Pipelines."""

    def under_way(self, school_id: str) -> Sequence[Any]: ...
    def cancel(self, school_id: str, actor_id: str, pipeline_id: str) -> object: ...


class Stopping:
    """Handlers of the events of this room. Doing one twice does no more than doing it once."""

    def __init__(
        self,
        storage: kernel_storage.Storage,
        training: Training,
        evaluation: Evaluation,
        compression: Compressing,
        pipelines: Pipelines,
        has_rows: Callable[[str, str], bool],
        home: Path,
    ) -> None:
        """has_rows(school id, `data:/name/3`): whether the rows are still kept.  home: of this installation."""
        self._has_rows, self._home = has_rows, home
        self._storage, self._training, self._evaluation = storage, training, evaluation
        self._compression, self._pipelines = compression, pipelines

    def stop(self, event: kernel_outbox.Event) -> None:
        """Cancel pipelines, cross-validations, reports, searches, runs and compressions that read these versions."""
        data, school_id, actor_id = frozenset(event.payload["data"]), event.school_id, str(event.payload["actor_id"])
        principal = Principal(actor_id, school_id, "admin")
        for pipeline in self._pipelines.under_way(school_id):
            if data & _read_by(pipeline):
                with _ended_meanwhile():
                    self._pipelines.cancel(school_id, actor_id, pipeline.id)
        for refit in self._evaluation.refits_on(school_id, data):
            with _ended_meanwhile():
                self._evaluation.cancel_refit(principal, refit.id)
        for report in (
            one for uri in sorted(data) for one in self._evaluation.reports(school_id, data=uri, limit=_MOST)
        ):
            if report.state not in _ENDED:
                with _ended_meanwhile():
                    self._evaluation.cancel_report(principal, report.id)
        for search in self._training.searches(principal, limit=_MOST):
            if search.state not in _ENDED and search.data in data:
                with _ended_meanwhile():
                    self._training.cancel_search(principal, search.id)
        for run in self._training.runs_on(school_id, data):  # whatever started it, ended or not
            if run.state not in _ENDED:
                with _ended_meanwhile():
                    self._training.cancel_for(school_id, actor_id, run.id)
        for compression in self._compression.compressions(school_id, limit=_MOST):
            if compression.state not in _ENDED and compression.data in data:
                with _ended_meanwhile():
                    self._compression.cancel(school_id, actor_id, compression.id)

    def forget(self, event: kernel_outbox.Event) -> None:
        """Stop, then remove the predictions that ended runs made of the rows of these versions."""
        self.stop(event)
        self.forget_predictions({event.school_id: event.payload["data"]})

    def forget_predictions(self, purged: Mapping[str, Collection[str]]) -> int:
        """Remove what runs foretold of purged rows, here and in the store; returns of how many. By school: versions.

        A file that a run on rows still kept has too, in any school, stays.
        """
        gone = 0
        for school_id, data in purged.items():
            for run in self._training.runs_on(school_id, data):
                (self._home / "runs" / run.id / "out" / PREDICTIONS).unlink(missing_ok=True)
                made = run.artefacts.get(PREDICTIONS)
                if made is None or not self._storage.has(made.sha256):
                    continue
                if not any(self._has_rows(one.school_id, one.data) for one in self._training.runs_with(made.sha256)):
                    self._storage.remove(made.sha256)
                    gone += 1
        if gone:
            _logger.info("predictions_removed", runs=gone)
        return gone


def _read_by(pipeline: Any) -> set[str]:
    """What a pipeline reads: as it was said, and as its steps found it."""
    said = "data:/" + str(pipeline.spec.data).removeprefix("data:/")
    return {said, *(str(step.output["data"]) for step in pipeline.steps if step.output.get("data"))}


def _ended_meanwhile() -> contextlib.AbstractContextManager[object]:
    return contextlib.suppress(errors.Conflict, errors.NotFound)
