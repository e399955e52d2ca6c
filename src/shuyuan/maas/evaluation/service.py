"""The verbs: evaluate, look at reports, set gates, judge, and the log of test parts read."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, ids, log
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import (
    crossvalidation,
    families,
    folder,
    gatekeeper,
    judging,
    resolving,
    store,
    supervision,
)
from shuyuan.maas.evaluation.interface import (
    Doubt,
    EvaluationLost,
    Gate,
    NewCrossValidation,
    NewGate,
    NewReport,
    OnProgress,
    Reading,
    Report,
    ReportNotReady,
    RunFiles,
    Subject,
    TrainFold,
    UnknownReport,
    UnknownSubject,
    Verdict,
)

_MOST_WAITING = 50  # reports of one school that are being made
_DETAILS = {  # what the stored file adds to the row
    *("persons", "intervals", "missing", "slices", "slices_tested", "groups", "confusion", "examples", "control"),
    *("latency", "folds", "curves"),
}
_logger = log.get("maas.evaluation")


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
        """training: whoever keeps runs.  command: what starts a child; the folder is put behind it."""
        self._db, self._storage, self._audit, self._datasets = db, storage, audit, datasets
        self._catalogue = catalogue
        self._resolver = resolving.Resolver(catalogue, training)
        self._gatekeeper = gatekeeper.Gatekeeper(db, audit)
        self._folders, self._command = settings.home / "evaluations", command
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="evaluation")  # one at a time: cores are for serving
        self._stop: list[object] = []

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
        job = self._begin(school_id, actor_id, new, subject)
        try:
            return self._make(job, on_progress)
        except supervision.Stopped as stopped:
            raise EvaluationLost("the server ended", fix="evaluate again") from stopped

    def cross_validate(
        self,
        school_id: str,
        actor_id: str,
        new: NewCrossValidation,
        train: TrainFold,
        *,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """See Evaluation.cross_validate."""
        version = self._datasets.version(school_id, new.data)
        job = crossvalidation.job(version, self._datasets.open_part(version, new.part), new)
        place = self._folders / f"cv-{new.key or ids.new_id()}"
        try:
            supervision.run(place, job, None, stop=self._stop, command=self._command)
            subject = crossvalidation.subject(place / folder.OUT, new, train, on_progress)
            asked = NewReport(
                subject=subject.uri, data=version.uri, part=new.part, groups=new.groups, task=new.task, seed=new.seed
            )
            return self.evaluate(school_id, actor_id, asked, subject=subject, on_progress=on_progress)
        except supervision.Stopped as stopped:
            raise EvaluationLost("the server ended", fix="cross-validate again") from stopped
        finally:
            supervision.remove(place)

    def start(self, principal: Principal, new: NewReport) -> Report:
        """See Evaluation.start."""
        principal.require("admin", "developer")
        with self._db.read() as conn:
            waiting = len(store.reports(conn, principal.school_id, None, None, _MOST_WAITING, state="running"))
        if waiting >= _MOST_WAITING:
            raise errors.RateLimited(
                f"{waiting} reports of this school are being made", fix="wait until some are done", retry_after_s=60.0
            )
        job = self._begin(principal.school_id, principal.account_id, new, None)
        self._pool.submit(self._in_background, job)
        return job.head

    def resume(self) -> int:
        """After a start: go on with what an earlier server had begun; how many.

        A child that still works is waited for: the next one in its folder finds the result and leaves it as it is.
        """
        with self._db.read() as conn:
            left = store.unfinished(conn)
        begun = 0
        for head, new in left:
            try:
                job = self._job(head, new, self._resolver.find(head.school_id, head.subject, head.data))
            except errors.ShuyuanError as refused:
                self._fail(head, refused)
            else:
                self._pool.submit(self._in_background, job)
                begun += 1
        return begun

    def report(self, school_id: str, report_id: str) -> Report:
        """See Evaluation.report."""
        head = self._head(school_id, report_id)
        if head.state == "running":
            told = folder.read(self._folders / head.id / folder.PROGRESS)
            return head.model_copy(update={"stage": str(told.get("stage", ""))})
        return self._whole(head)

    def reports(
        self, school_id: str, *, subject: str | None = None, data: str | None = None, limit: int = 100
    ) -> list[Report]:
        """See Evaluation.reports."""
        with self._db.read() as conn:
            return store.reports(conn, school_id, subject, data, limit)

    def html(self, school_id: str, report_id: str, language: Literal["zh", "en"]) -> bytes:
        """See Evaluation.html."""
        head = self._finished(school_id, report_id)
        return self._storage.get(head.html_sha256[language])

    def gates(self, school_id: str) -> list[Gate]:
        """See Evaluation.gates."""
        return self._gatekeeper.gates(school_id)

    def gate(self, school_id: str, name: str) -> Gate:
        """See Evaluation.gate."""
        return self._gatekeeper.gate(school_id, name)

    def put_gate(self, principal: Principal, name: str, new: NewGate) -> Gate:
        """See Evaluation.put_gate."""
        return self._gatekeeper.put(principal, name, new)

    def judge(
        self, school_id: str, actor_id: str, gate: str, report_id: str, champion_report_id: str | None = None
    ) -> Verdict:
        """See Evaluation.judge."""
        report = self._finished(school_id, report_id)
        given = self._finished(school_id, champion_report_id) if champion_report_id else None
        champion = self._champion(school_id, report, given)
        return self._gatekeeper.judge(school_id, actor_id, gate, self._whole(report), champion)

    def doubt(self, school_id: str, verdict: Verdict, *, task: str, champion: str | None) -> Doubt:
        """See Evaluation.doubt."""
        if self.gate(school_id, verdict.gate).number != verdict.gate_number:
            return "gate_changed"
        if champion is not None and judging.compares(verdict):
            compared = verdict.champion_report_id
            if compared is None or self._head(school_id, compared).subject != champion:
                return "other_champion"
        try:
            in_force = self._gatekeeper.in_force(school_id, task or self._head(school_id, verdict.report_id).task)
        except UnknownSubject:  # a task that no gate is for
            return "other_gate"
        return "" if in_force.name == verdict.gate else "other_gate"

    def verdict(self, school_id: str, verdict_id: str) -> Verdict:
        """See Evaluation.verdict."""
        return self._gatekeeper.verdict(school_id, verdict_id)

    def verdicts(self, school_id: str, report_id: str) -> list[Verdict]:
        """See Evaluation.verdicts."""
        self._head(school_id, report_id)
        return self._gatekeeper.verdicts(school_id, report_id)

    def readings(self, school_id: str, data: str | None = None, limit: int = 200) -> list[Reading]:
        """See Evaluation.readings."""
        with self._db.read() as conn:
            return store.readings(conn, school_id, data, limit)

    def note_reading(
        self, school_id: str, actor_id: str, *, subject: str, data: str, data_sha256: str, rows: int
    ) -> Reading:
        """See Evaluation.note_reading."""
        told = {"subject": subject, "data": data, "data_sha256": data_sha256, "rows": rows, "report_id": None}
        return self._db.write(lambda uow: self._note(uow, school_id, actor_id, told))

    def close(self) -> None:
        """Stop the child at work; what is unfinished is begun again by the next server."""
        self._stop.append("closing")
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, school_id: str, actor_id: str, new: NewReport, subject: Subject | None) -> folder.EvaluateJob:
        """Look everything up, then store the report and the reading in one unit."""
        version = self._datasets.version(school_id, new.data)
        if new.part not in version.parts:
            raise datasets_api.UnknownPart(
                f"{version.uri} has no part {new.part}", fix="split it, or name another part"
            )
        for name in new.groups:
            version.column(name)
        found = subject or self._resolver.find(school_id, new.subject, version.uri)
        task = new.task or found.task
        head = Report(
            id=ids.new_id(),
            school_id=school_id,
            subject=found.uri,
            data=version.uri,
            data_sha256=version.sha256,
            part=new.part,
            task=task,
            family=families.family_of(task),
            state="running",
            created_by=actor_id,
            created_at=version.created_at,  # the unit below says when
        )

        def work(uow: kernel_db.UnitOfWork) -> Report:
            part, told = version.parts[new.part], head
            if new.part == "test":
                noted = {"subject": head.subject, "data": head.data, "data_sha256": part.sha256, "rows": part.rows}
                self._note(uow, school_id, actor_id, {**noted, "report_id": head.id})
                told = head.model_copy(update={"test_readings": store.count_readings(uow.conn, school_id, part.sha256)})
            self._audit.record(
                uow,
                school_id=school_id,
                actor_id=actor_id,
                action="report.ordered",
                object_id=head.id,
                data_sha256=version.sha256,
                part=new.part,
            )
            return store.add_report(uow, told, new)

        stored = self._db.write(work)
        return self._job(stored, new, found)

    def _job(self, head: Report, new: NewReport, subject: Subject) -> folder.EvaluateJob:
        version = self._datasets.version(head.school_id, head.data)
        return folder.EvaluateJob(
            table=self._datasets.open_part(version, head.part),
            columns=tuple(folder.JobColumn(name=one.name, kind=one.kind, role=one.role) for one in version.columns),
            seed=new.seed,
            head=head,
            subject=subject,
            groups=new.groups,
            personal=version.personal,
        )

    def _in_background(self, job: folder.EvaluateJob) -> None:
        try:
            self._make(job, None)
        except supervision.Stopped:
            pass
        except errors.ShuyuanError as refused:
            _logger.info("report_failed", report=job.head.id, code=refused.error_code)

    def _make(self, job: folder.EvaluateJob, on_progress: OnProgress | None) -> Report:
        """Run the child, keep its files, write what came of it. Whatever happens, the folder goes."""
        head, place = job.head, self._folders / job.head.id
        try:
            supervision.run(place, job, on_progress, stop=self._stop, command=self._command)
            self._keep(head, place)
        except errors.ShuyuanError as refused:
            self._fail(head, refused)
            raise
        except supervision.Stopped:
            raise
        except Exception as defect:
            lost = EvaluationLost(f"the report could not be made: {type(defect).__name__}", fix="see the server's log")
            self._fail(head, lost)
            raise lost from defect
        supervision.remove(place)
        return self.report(head.school_id, head.id)

    def _keep(self, head: Report, place: Path) -> None:
        """Store the report and its pages, compared with what the child said it wrote."""
        out, said = place / folder.OUT, folder.read(place / folder.RESULT)
        addresses = {}
        for name in (folder.REPORT, folder.html_name("zh"), folder.html_name("en")):
            addresses[name] = self._storage.put_file(out / name)
            if addresses[name] != said["files"][name]["sha256"]:
                raise EvaluationLost(f"{name} is not the file that the child wrote", fix="evaluate again")
        made = Report.model_validate_json((out / folder.REPORT).read_bytes())

        def work(uow: kernel_db.UnitOfWork) -> None:
            done = store.finish_report(
                uow,
                head.school_id,
                head.id,
                state="finished",
                figures=dict(made.figures),
                rows=made.rows,
                seconds=made.seconds,
                report_sha256=addresses[folder.REPORT],
                html_sha256={one: addresses[folder.html_name(one)] for one in ("zh", "en")},
            )
            if done:
                self._audit.record(
                    uow,
                    school_id=head.school_id,
                    actor_id=head.created_by,
                    action="report.made",
                    object_id=head.id,
                    report_sha256=addresses[folder.REPORT],
                )

        self._db.write(work)
        self._datasets.note_use(self._datasets.version(head.school_id, head.data), f"reports:/{head.id}")

    def _fail(self, head: Report, refused: errors.ShuyuanError) -> None:
        supervision.remove(self._folders / head.id)
        self._db.write(
            lambda uow: store.finish_report(uow, head.school_id, head.id, state="failed", error=refused.to_dict())
        )

    def _note(
        self, uow: kernel_db.UnitOfWork, school_id: str, actor_id: str, told: dict[str, Any]
    ) -> Reading:  # Any: columns
        stored = store.add_reading(uow, school_id, actor_id, **told)
        self._audit.record(
            uow,
            school_id=school_id,
            actor_id=actor_id,
            action="test_part.read",
            object_id=stored.id,
            data_sha256=stored.data_sha256,
        )
        return stored

    def _champion(self, school_id: str, report: Report, given: Report | None) -> Report | judging.Unreported | None:
        """What is served under the name of the subject: its report on the same part; None: nothing is served."""
        model = _model_of(report.subject) or (_model_of(given.subject) if given else "")
        try:
            uri = self._catalogue.resolve(school_id, f"models:/{model}@{catalogue_api.CHAMPION}").uri if model else None
        except catalogue_api.UnknownModel:
            uri = None
        if given is not None:
            if given.subject != uri:
                raise errors.BadInput(
                    f"report {given.id} is of {given.subject}, and {uri or 'nothing'} is served",
                    fix="name a report of what is served, or none: the newest one is found",
                )
            return given
        if uri is None:
            return None
        for known in self.reports(school_id, subject=uri, data=report.data):
            if (known.state, known.part, known.data_sha256) == ("finished", report.part, report.data_sha256):
                return known
        return judging.Unreported(uri)

    def _head(self, school_id: str, report_id: str) -> Report:
        with self._db.read() as conn:
            head = store.report_by_id(conn, school_id, report_id)
        if head is None:
            raise UnknownReport(f"there is no report {report_id[:40]!r}", fix="see /api/reports")
        return head

    def _whole(self, head: Report) -> Report:
        """With what the stored file adds."""
        if not head.report_sha256:
            return head
        whole = Report.model_validate_json(self._storage.get(head.report_sha256))
        return head.model_copy(update={name: getattr(whole, name) for name in _DETAILS})

    def _finished(self, school_id: str, report_id: str) -> Report:
        head = self._head(school_id, report_id)
        if head.state != "finished":
            raise ReportNotReady(f"report {head.id} is {head.state}", fix="wait for it, or evaluate again")
        return head


def _model_of(subject: str) -> str:
    """The name of a version's model; empty for runs and cross-validations."""
    return subject.removeprefix("models:/").rpartition("/")[0] if subject.startswith("models:/") else ""
