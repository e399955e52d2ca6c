"""The verbs: evaluate, look at reports, set gates, judge, cross-validate, and the log of test parts read."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import durable, errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import (
    champions,
    gatekeeper,
    judging,
    making,
    refitstore,
    refitsubject,
    refitting,
    refitwork,
    resolving,
    store,
    supervision,
)
from shuyuan.maas.evaluation.interface import (
    Doubt,
    Fits,
    Gate,
    ListsTasks,
    NewCrossValidation,
    NewGate,
    NewReport,
    OnProgress,
    Reading,
    Refit,
    Report,
    RunFiles,
    Subject,
    UnknownGate,
    UnknownSubject,
    Verdict,
)

_MOST_WAITING = 50  # reports of one school that are being made


class EvaluationService:
    """Implements `interface.Evaluation`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
        catalogue: catalogue_api.Catalogue,
        datasets: datasets_api.DataSets,
        training: RunFiles | None = None,
        *,
        command: Sequence[str] = supervision.COMMAND,
    ) -> None:
        """training: whoever keeps runs; where it trains too, it is told where the files of a fold are.

        command: what starts a child; the folder is put behind it.
        """
        home_id = durable.executor_of(settings.home)
        self._db, self._home_id = db, None if db.dialect == "sqlite" else home_id  # a file belongs to one home alone
        self._resolver = resolving.Resolver(catalogue, training, self._is_refit)
        folders, fits = settings.home / "evaluations", training if isinstance(training, Fits) else None
        self._maker = making.Maker(db, storage, audit, datasets, self._resolver, folders, command, home_id)
        self._gatekeeper = gatekeeper.Gatekeeper(db, audit)
        if isinstance(training, ListsTasks):
            self._gatekeeper.tasks = lambda: {one.name for one in training.tasks()}
        self._champions = champions.Champions(db, catalogue, self._resolver, self._maker)
        self.refit_work = refitwork.RefitWork(
            *(db, audit, datasets, self._maker, fits, folders, self._home_id, command), at_once=settings.training_slots
        )
        self._refits = refitting.Refits(db, audit, datasets, self._maker, fits, self.refit_work, home_id)
        if fits is not None:
            fits.folds = self.refit_work.fold_files
        self._command = command
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="evaluation")  # one at a time: cores are for serving

    # --- reports ---

    def evaluate(
        self,
        school_id: str,
        actor_id: str,
        new: NewReport,
        *,
        subject: Subject | None = None,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """See Evaluation.evaluate."""
        return self._maker.evaluate(school_id, actor_id, new, subject, on_progress)

    def start(self, principal: Principal, new: NewReport) -> Report:
        """See Evaluation.start."""
        principal.require("admin", "developer")
        with self._db.read() as conn:
            waiting = len(store.reports(conn, principal.school_id, None, None, _MOST_WAITING, state="running"))
        if waiting >= _MOST_WAITING:
            raise errors.RateLimited(
                f"{waiting} reports of this school are being made", fix="wait until some are done", retry_after_s=60.0
            )
        job = self._maker.begin(principal.school_id, principal.account_id, new, None)
        self._pool.submit(self._maker.in_background, job)
        return job.head

    def resume(self) -> int:
        """After a start: go on with what an earlier server had begun; how many.

        A child that still works is waited for: the next one in its folder finds the result and leaves it as it is.
        Reports of cross-validations are gone on with by those.
        """
        with self._db.read() as conn:
            left = store.unfinished(conn, self._home_id)
        begun = 0
        for head, new in left:
            if head.subject.startswith(tuple(refitsubject.SCHEMES.values())):
                continue
            try:
                job = self._maker.again(head, new)
            except errors.ShuyuanError as refused:
                self._maker.fail(head, refused)
            else:
                self._pool.submit(self._maker.in_background, job)
                begun += 1
        return begun

    def report(self, school_id: str, report_id: str) -> Report:
        """See Evaluation.report."""
        return self._maker.report(school_id, report_id)

    def reports(
        self, school_id: str, *, subject: str | None = None, data: str | None = None, limit: int = 100
    ) -> list[Report]:
        """See Evaluation.reports."""
        with self._db.read() as conn:
            return store.reports(conn, school_id, subject, data, limit)

    def cancel_report(self, principal: Principal, report_id: str) -> Report:
        """See Evaluation.cancel_report."""
        principal.require("admin", "developer")
        head = self._maker.head(principal.school_id, report_id)
        if head.state == "running" and head.subject.startswith(tuple(refitsubject.SCHEMES.values())):
            raise errors.Conflict(f"report {head.id} is part of a cross-validation", fix=f"cancel that: {head.subject}")
        self._maker.cancel(head, principal.account_id)
        return self._maker.head(principal.school_id, head.id)

    def html(self, school_id: str, report_id: str, language: Literal["zh", "en"]) -> bytes:
        """See Evaluation.html."""
        return self._maker.html(school_id, report_id, language)

    def readings(self, school_id: str, data: str | None = None, limit: int = 200) -> list[Reading]:
        """See Evaluation.readings."""
        with self._db.read() as conn:
            return store.readings(conn, school_id, data, limit)

    def note_reading(
        self, school_id: str, actor_id: str, *, subject: str, data: str, data_sha256: str, rows: int
    ) -> Reading:
        """See Evaluation.note_reading."""
        told = {"subject": subject, "data": data, "data_sha256": data_sha256, "rows": rows, "report_id": None}
        return self._db.write(lambda uow: self._maker.note(uow, school_id, actor_id, told))

    # --- gates ---

    def gates(self, school_id: str) -> list[Gate]:
        """See Evaluation.gates."""
        return self._gatekeeper.gates(school_id)

    def gate(self, school_id: str, name: str) -> Gate:
        """See Evaluation.gate."""
        return self._gatekeeper.gate(school_id, name)

    def put_gate(self, principal: Principal, name: str, new: NewGate) -> Gate:
        """See Evaluation.put_gate."""
        return self._gatekeeper.put(principal, name, new)

    def remove_gate(self, principal: Principal, name: str, reason: str) -> None:
        """See Evaluation.remove_gate."""
        self._gatekeeper.remove(principal, name, reason)

    def gate_in_force(self, school_id: str, task: str) -> Gate:
        """See Evaluation.gate_in_force."""
        return self._gatekeeper.in_force(school_id, task)

    def gate_users(self, school_id: str, name: str) -> list[str]:
        """See Evaluation.gate_users."""
        return self._gatekeeper.users(school_id, name)

    def know_gate_users(self, users: gatekeeper.Users) -> None:
        """Who names a gate, told by whoever knows the pipelines."""
        self._gatekeeper.users = users

    def judge(
        self, school_id: str, actor_id: str, gate: str, report_id: str, champion_report_id: str | None = None
    ) -> Verdict:
        """See Evaluation.judge."""
        report = self._maker.whole(self._maker.finished(school_id, report_id))
        given = self._maker.finished(school_id, champion_report_id) if champion_report_id else None
        held = self.gate(school_id, gate) if gate else self._gatekeeper.in_force(school_id, report.task)
        needed = judging.asks_for_champion(held)
        champion = self._champions.beside(actor_id, report, given, needed=needed)
        return self._gatekeeper.judge(school_id, actor_id, held, report, champion)

    def doubt(self, school_id: str, verdict: Verdict, *, task: str, champion: str | None) -> Doubt:
        """See Evaluation.doubt."""
        try:
            if self.gate(school_id, verdict.gate).number != verdict.gate_number:
                return "gate_changed"
        except UnknownGate:  # removed since
            return "gate_changed"
        if champion is not None and judging.compares(verdict) and self._compared(school_id, verdict) != champion:
            return "other_champion"
        try:
            in_force = self._gatekeeper.in_force(school_id, task or self._maker.head(school_id, verdict.report_id).task)
        except UnknownSubject:  # a task that no gate is for
            return "other_gate"
        return "" if in_force.name == verdict.gate else "other_gate"

    def verdict(self, school_id: str, verdict_id: str) -> Verdict:
        """See Evaluation.verdict."""
        return self._gatekeeper.verdict(school_id, verdict_id)

    def verdicts(self, school_id: str, report_id: str) -> list[Verdict]:
        """See Evaluation.verdicts."""
        self._maker.head(school_id, report_id)
        return self._gatekeeper.verdicts(school_id, report_id)

    # --- cross-validations ---

    def cross_validate(self, principal: Principal, new: NewCrossValidation) -> Refit:
        """See Evaluation.cross_validate."""
        return self._refits.cross_validate(principal, new)

    def retrain_shuffled(self, principal: Principal, report_id: str) -> Refit:
        """See Evaluation.retrain_shuffled."""
        report = self._maker.finished(principal.school_id, report_id)
        run = self._resolver.run_behind(principal.school_id, report.subject)
        return self._refits.retrain_shuffled(principal, report, run)

    def refit(self, school_id: str, refit_id: str) -> Refit:
        """See Evaluation.refit."""
        return self._refits.one(school_id, refit_id)

    def refits(self, school_id: str, *, of_report: str | None = None, limit: int = 50) -> list[Refit]:
        """See Evaluation.refits."""
        return self._refits.listed(school_id, of_report, limit)

    def refits_on(self, school_id: str, data: Collection[str]) -> list[Refit]:
        """See Evaluation.refits_on."""
        return self._refits.reading(school_id, data)

    def cancel_refit(self, principal: Principal, refit_id: str) -> Refit:
        """See Evaluation.cancel_refit."""
        return self._refits.cancel(principal, refit_id)

    def fold_files(self, school_id: str, refit_id: str, number: int) -> Mapping[datasets_api.Part, Path] | None:
        """See FoldFiles."""
        return self.refit_work.fold_files(school_id, refit_id, number)

    def close(self) -> None:
        """Stop the children at work; what is unfinished is begun again by the next server."""
        self._maker.stop.append("closing")
        self.refit_work.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _is_refit(self, school_id: str, search_id: str) -> bool:
        with self._db.read() as conn:
            found = refitstore.one(conn, school_id, search_id)
        return found is not None and found.id == search_id

    def _compared(self, school_id: str, verdict: Verdict) -> str | None:
        """The champion a verdict compared with; an earlier version's verdict says it by its report alone."""
        if told := judging.compared_with(verdict):
            return told
        compared = verdict.champion_report_id
        return self._maker.head(school_id, compared).subject if compared else None
