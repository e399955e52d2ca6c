"""Goes on with the fits that evaluation orders: cut, train fold by fold in the queue of runs, report on all of them.

Everything may be done again after a crash: files are cut anew where they are gone, a fold's key gives its run again,
and a report that was begun is gone on with. Copies of the rows go when it ends, however it ends.
"""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, log
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import folder, making, refitstore, refitsubject, supervision
from shuyuan.maas.evaluation.interface import CrossValidationEnded, Fits, NewFit, Report, RunFacts

LOOK_EVERY_S = 1.0
ENDED = ("failed", "cancelled", "finished")
_logger = log.get("maas.evaluation")


class RefitWork:
    """The fits of one home. One thread; nothing is done while none is under way."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        datasets: datasets_api.DataSets,
        maker: making.Maker,
        fits: Fits | None,
        folders: Path,
        home_id: str | None,
        command: Sequence[str],
        *,
        at_once: int = 1,
    ) -> None:
        """home_id: None: all there are.  at_once: folds that are trained at a time."""
        self._db, self._audit, self._datasets, self._maker, self._fits = db, audit, datasets, maker, fits
        self._folders, self._home_id, self._command, self._at_once = folders, home_id, command, at_once
        self._cutting = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Go on with what there is, in this process, and with all that comes."""
        if self._thread is None and self._fits is not None:
            self._thread = threading.Thread(target=self._run, name="evaluation-refits", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something changed: look now."""
        self._wake.set()

    def close(self) -> None:
        """Stop looking; folds under way are runs, and end as those do."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> int:
        """One step of every fit of this home; how many are under way."""
        with self._db.read() as conn:
            rows = refitstore.under_way(conn, self._home_id)
        for row in rows:
            if self._stop.is_set():
                break
            try:
                self._advance(row)
            except supervision.Stopped:
                break
            except errors.RateLimited:
                continue  # the queue is full: later
            except errors.ShuyuanError as refused:
                self._fail(row, refused.to_dict())
            except Exception as defect:  # one's trouble is no other's
                _logger.error("refit_step_failed", refit=row.id, error=repr(defect))
        return len(rows)

    def fold_files(self, school_id: str, refit_id: str, number: int) -> Mapping[datasets_api.Part, Path] | None:
        """See FoldFiles."""
        with self._db.read() as conn:
            row = refitstore.one(conn, school_id, refit_id)
        if row is None or row.id != refit_id:
            return None
        if row.state != "running":
            raise CrossValidationEnded(f"cross-validation {row.number} is {row.state}", fix="start it again")
        fold = self._cut(row) / folder.fold_name(number)
        files: dict[datasets_api.Part, Path] = {"train": fold / "train.parquet", "test": fold / "held_out.parquet"}
        choosing = fold / folder.CHOOSING
        return files | ({"validation": choosing} if choosing.is_file() else {})

    def drop(self, row: Row[Any], actor_id: str) -> None:
        """End the folds under way and forget the copies of the rows."""
        assert self._fits is not None
        for run_id in row.runs:
            with contextlib.suppress(errors.Conflict, errors.NotFound):  # it has ended by itself
                self._fits.cancel_for(row.school_id, actor_id, run_id)
        supervision.remove(self._place(row))

    def _run(self) -> None:
        while not self._stop.is_set():
            busy = 1
            try:
                busy = self.look()
            except Exception as failure:  # the database is away: look again
                _logger.error("refit_look_failed", error=repr(failure))
            self._wake.wait(LOOK_EVERY_S if busy else None)
            self._wake.clear()

    def _advance(self, row: Row[Any]) -> None:
        """Cut, start the next fold, wait for those under way, or report."""
        assert self._fits is not None
        out = self._cut(row)
        folds = len(list(out.glob(folder.fold_name(0)[:-1] + "*")))
        runs = [self._fits.run_of(row.school_id, run_id) for run_id in row.runs]
        for run in runs:
            if run.state in ("failed", "cancelled"):
                told = run.error or {"code": "run_ended", "message": f"a fold was {run.state}", "fix": "start it again"}
                return self._fail(row, dict(told))
        still = sum(run.state not in ENDED for run in runs)
        if len(runs) < folds and still < self._at_once:
            self._next(row, len(runs) + 1, folds)
        elif not still and len(runs) == folds:
            self._measure(row, out, runs)
        return None

    def _cut(self, row: Row[Any]) -> Path:
        """The folder of the folds, cut if they are not there."""
        place = self._place(row)
        with self._cutting:
            if not (place / folder.RESULT).is_file():
                version = self._datasets.version(row.school_id, row.data)
                self._datasets.require_trainable(version)
                job = refitsubject.cut_job(row, version, self._datasets)
                supervision.run(place, job, None, stopped=lambda: bool(self._maker.stop), command=self._command)
        return place / folder.OUT

    def _next(self, row: Row[Any], number: int, folds: int) -> None:
        assert self._fits is not None
        new = NewFit(
            task=row.task,
            data=row.data,
            config=row.config,
            seed=row.seed,
            key=f"cv:/{row.id}/{number}",
            name=f"cv {row.number} · {number}/{folds}",
        )

        def begun(uow: kernel_db.UnitOfWork, run_id: str) -> None:  # in one unit: no fold is left of one that has ended
            if not refitstore.change(uow, row.id, runs=[*row.runs, run_id], stage="training"):
                raise CrossValidationEnded(f"cross-validation {row.number} has ended", fix="start it again")

        self._fits.start_for(row.school_id, row.created_by, new, trial=(row.id, number), begun=begun)
        self.wake()

    def _measure(self, row: Row[Any], out: Path, runs: Sequence[RunFacts]) -> None:
        """One report on the held-out rows of all folds."""
        report = self._maker.head(row.school_id, row.report_id) if row.report_id else None
        if report is None or report.state == "running":
            report = self._report(row, out, runs, report)
        if report.state == "failed":
            return self._fail(row, dict(report.error or {}))
        told = {
            "state": "finished",
            "stage": "done",
            "folds": refitsubject.by_figure(runs) if row.kind == "folds" else {},
            "retrained": refitsubject.retrained(report) if row.kind == "shuffled" else None,
        }
        return self._end(row, "cross_validation.finished", **told)

    def _report(self, row: Row[Any], out: Path, runs: Sequence[RunFacts], begun: Report | None) -> Report:
        assert self._fits is not None
        files = [self._fits.artefact_of(row.school_id, run.id, folder.PREDICTIONS) for run in runs]
        subject = refitsubject.subject(row, out, runs, files)
        version = self._datasets.version(row.school_id, row.data)
        new = refitsubject.asked(row, version, subject)
        if begun is None:

            def also(uow: kernel_db.UnitOfWork, head: Report) -> None:
                refitstore.change(uow, row.id, stage="measuring", report_id=head.id)

            begun = self._maker.begin(row.school_id, row.created_by, new, subject, also=also, noted=True).head
        begun = begun.model_copy(update={"parts": tuple(row.parts)})
        return self._maker.make(self._maker.job(begun, new, subject, out / folder.TABLE), None)

    def _fail(self, row: Row[Any], error: Mapping[str, str]) -> None:
        self._end(row, "cross_validation.failed", state="failed", error=dict(error))
        self.drop(row, kernel_audit.SYSTEM)

    def _end(self, row: Row[Any], action: str, **columns: Any) -> None:  # Any: columns
        def write(uow: kernel_db.UnitOfWork) -> None:
            if refitstore.change(uow, row.id, **columns, ended_at=uow.now):
                self._audit.record(
                    uow,
                    school_id=row.school_id,
                    actor_id=kernel_audit.SYSTEM,
                    action=action,
                    object_id=row.id,
                    number=row.number,
                )

        self._db.write(write)
        supervision.remove(self._place(row))

    def _place(self, row: Row[Any]) -> Path:
        return self._folders / f"cv-{row.id}"
