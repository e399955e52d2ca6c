"""Reports being made: looked up, stored as running, worked on in a child process, kept or told as failed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, ids, log
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import families, folder, resolving, store, supervision
from shuyuan.maas.evaluation.interface import (
    EvaluationLost,
    NewReport,
    OnProgress,
    Reading,
    Report,
    ReportCancelled,
    ReportEnded,
    ReportNotReady,
    Subject,
    UnknownReport,
)

_DETAILS = {  # what the stored file adds to the row
    *("persons", "intervals", "missing", "slices", "slices_tested", "groups", "confusion", "examples", "control"),
    *("latency", "folds", "parts", "curves"),
}
_logger = log.get("maas.evaluation")
Also = Callable[[kernel_db.UnitOfWork, Report], None]


class Maker:
    """Makes reports, and reads them again."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        datasets: datasets_api.DataSets,
        resolver: resolving.Resolver,
        folders: Path,
        command: Sequence[str],
        home_id: str = "",
    ) -> None:
        """home_id: of the installation that goes on with what this one leaves; empty: any."""
        self._db, self._storage, self._audit, self._datasets = db, storage, audit, datasets
        self._resolver, self._folders, self._command, self._home_id = resolver, folders, command, home_id
        self.stop: list[object] = []  # no longer empty once the server ends
        self._cancelled: set[str] = set()

    def evaluate(
        self,
        school_id: str,
        actor_id: str,
        new: NewReport,
        subject: Subject | None = None,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """See Evaluation.evaluate."""
        job = self.begin(school_id, actor_id, new, subject)
        try:
            return self.make(job, on_progress)
        except supervision.Stopped as stopped:
            raise EvaluationLost("the server ended", fix="evaluate again") from stopped

    def begin(
        self,
        school_id: str,
        actor_id: str,
        new: NewReport,
        subject: Subject | None,
        *,
        also: Also | None = None,
        noted: bool = False,
    ) -> folder.EvaluateJob:
        """Look everything up, then store the report and the reading in one unit.

        also: what belongs into the same unit.  noted: the reading of the test part is on record already.
        """
        version = self._datasets.version(school_id, new.data)
        self._datasets.require_trainable(version)
        if new.part not in version.parts:
            raise datasets_api.UnknownPart(f"{version.uri} has no part {new.part}", fix="split it, or name another")
        for name in new.groups:
            version.column(name)
        found = self._resolver.whole(school_id, subject or self._resolver.find(school_id, new.subject), version.uri)
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
            stored = self._add(uow, head, new, version.parts[new.part], noted=noted)
            if also is not None:
                also(uow, stored)
            return stored

        return self.job(self._db.write(work), new, found)

    def _add(
        self, uow: kernel_db.UnitOfWork, head: Report, new: NewReport, part: datasets_api.PartInfo, *, noted: bool
    ) -> Report:
        if head.part == "test":
            told = {"subject": head.subject, "data": head.data, "data_sha256": part.sha256, "rows": part.rows}
            if not noted:
                self.note(uow, head.school_id, head.created_by, {**told, "report_id": head.id})
            count = store.count_readings(uow.conn, head.school_id, part.sha256)
            head = head.model_copy(update={"test_readings": count})
        self._audit.record(
            uow,
            school_id=head.school_id,
            actor_id=head.created_by,
            action="report.ordered",
            object_id=head.id,
            data_sha256=head.data_sha256,
            part=head.part,
        )
        return store.add_report(uow, head, new, self._home_id)

    def again(self, head: Report, new: NewReport) -> folder.EvaluateJob:
        """The job of a report that an earlier server had begun. Raises what its subject is refused with."""
        found = self._resolver.find(head.school_id, head.subject)
        return self.job(head, new, self._resolver.whole(head.school_id, found, head.data))

    def job(self, head: Report, new: NewReport, subject: Subject, table: Path | None = None) -> folder.EvaluateJob:
        """What the child is told. table: other rows than the part's own. A report on rows withdrawn meanwhile fails."""
        version = self._datasets.version(head.school_id, head.data)
        try:
            self._datasets.require_trainable(version)
        except errors.ShuyuanError as refused:
            self.fail(head, refused)
            raise
        return folder.EvaluateJob(
            table=table or self._datasets.open_part(version, head.part),
            columns=folder.columns_of(version),
            seed=new.seed,
            head=head,
            subject=subject,
            groups=new.groups,
            personal=version.personal,
        )

    def in_background(self, job: folder.EvaluateJob) -> None:
        """`make`; what goes wrong stands with the report."""
        try:
            self.make(job, None)
        except supervision.Stopped:
            pass
        except errors.ShuyuanError as refused:
            _logger.info("report_failed", report=job.head.id, code=refused.error_code)

    def make(self, job: folder.EvaluateJob, on_progress: OnProgress | None) -> Report:
        """Run the child, keep its files, write what came of it. Whatever happens, the folder goes."""
        head, place = job.head, self._folders / job.head.id
        try:
            supervision.run(place, job, on_progress, stopped=lambda: self._is_to_stop(head), command=self._command)
            self._require_wanted(head)
            self._keep(head, place)
        except ReportCancelled:
            supervision.remove(place)
            raise
        except errors.ShuyuanError as refused:
            self.fail(head, refused)
            raise
        except supervision.Stopped:
            if head.id not in self._cancelled:
                raise
            supervision.remove(place)
            raise _cancelled(head) from None
        except Exception as defect:
            lost = EvaluationLost(f"the report could not be made: {type(defect).__name__}", fix="see the server's log")
            self.fail(head, lost)
            raise lost from defect
        supervision.remove(place)
        return self.report(head.school_id, head.id)

    def cancel(self, head: Report, actor_id: str) -> None:
        """End it, whoever makes it; what another server's child still finds is not kept. Raises ReportEnded."""

        def work(uow: kernel_db.UnitOfWork) -> None:
            if not store.finish_report(uow, head.school_id, head.id, state="cancelled"):
                raise ReportEnded(f"report {head.id} is {head.state}", fix="nothing is left to stop")
            told = {"school_id": head.school_id, "actor_id": actor_id, "object_id": head.id}
            self._audit.record(uow, action="report.cancelled", **told)

        self._db.write(work)
        self._cancelled.add(head.id)

    def _is_to_stop(self, head: Report) -> bool:
        return bool(self.stop) or head.id in self._cancelled

    def _require_wanted(self, head: Report) -> None:
        if self.head(head.school_id, head.id).state == "cancelled":
            raise _cancelled(head)

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

    def fail(self, head: Report, refused: errors.ShuyuanError) -> None:
        """Tell why no report came of it."""
        supervision.remove(self._folders / head.id)
        self._db.write(
            lambda uow: store.finish_report(uow, head.school_id, head.id, state="failed", error=refused.to_dict())
        )

    def note(
        self, uow: kernel_db.UnitOfWork, school_id: str, actor_id: str, told: dict[str, Any]
    ) -> Reading:  # Any: columns
        """Somebody reads a test part."""
        stored = store.add_reading(uow, school_id, actor_id, **told)
        of = {"object_id": stored.id, "data_sha256": stored.data_sha256}
        self._audit.record(uow, school_id=school_id, actor_id=actor_id, action="test_part.read", **of)
        return stored

    def report(self, school_id: str, report_id: str) -> Report:
        """See Evaluation.report."""
        head = self.head(school_id, report_id)
        if head.state == "running":
            told = folder.read(self._folders / head.id / folder.PROGRESS)
            return head.model_copy(update={"stage": str(told.get("stage", ""))})
        return self.whole(head)

    def html(self, school_id: str, report_id: str, language: Literal["zh", "en"]) -> bytes:
        """See Evaluation.html."""
        return self._storage.get(self.finished(school_id, report_id).html_sha256[language])

    def head(self, school_id: str, report_id: str) -> Report:
        """Raises UnknownReport."""
        with self._db.read() as conn:
            head = store.report_by_id(conn, school_id, report_id)
        if head is None:
            raise UnknownReport(f"there is no report {report_id[:40]!r}", fix="see /api/reports")
        return head

    def whole(self, head: Report) -> Report:
        """With what the stored file adds."""
        if not head.report_sha256:
            return head
        whole = Report.model_validate_json(self._storage.get(head.report_sha256))
        return head.model_copy(update={name: getattr(whole, name) for name in _DETAILS})

    def finished(self, school_id: str, report_id: str) -> Report:
        """The head. Raises UnknownReport, ReportNotReady."""
        head = self.head(school_id, report_id)
        if head.state != "finished":
            raise ReportNotReady(f"report {head.id} is {head.state}", fix="wait for it, or evaluate again")
        return head


def _cancelled(head: Report) -> ReportCancelled:
    return ReportCancelled(f"report {head.id} was cancelled", fix="order it again")
