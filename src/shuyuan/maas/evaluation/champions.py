"""The champion's side of a judgement: its report on the same rows, that of its run, or one that is made now."""

from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.evaluation import judging, making, resolving, store
from shuyuan.maas.evaluation.interface import NewReport, Report

_SEARCHED = 100  # of its reports, the newest


class Champions:
    """Finds what a report is compared with."""

    def __init__(
        self,
        db: kernel_db.Database,
        catalogue: catalogue_api.Catalogue,
        resolver: resolving.Resolver,
        maker: making.Maker,
    ) -> None:
        self._db, self._catalogue, self._resolver, self._maker = db, catalogue, resolver, maker

    def beside(self, actor_id: str, report: Report, given: Report | None, *, needed: bool = True) -> judging.Other:
        """What is served under the name of the subject; None: nothing is. needed: whether a report may be made.

        Raises BadInput for a given report of something else.
        """
        school_id = report.school_id
        model = _model_of(report.subject) or (_model_of(given.subject) if given else "")
        if not model and given is not None:
            model = self._model_behind(school_id, given)
        uri = self._served(school_id, model)
        run = self._resolver.run_behind(school_id, uri) if uri else None
        if given is not None:
            return self._given(given, uri, run.uri if run else None)
        if uri is None:
            return None
        if (own := self._on_the_same(report, uri)) is not None:
            return judging.Beside(uri, own, "report")
        if run is not None and (of_run := self._on_the_same(report, run.uri)) is not None:
            return judging.Beside(uri, of_run, "run_report")
        return self._made(actor_id, report, uri) if needed else judging.Unreported(uri)

    def _given(self, given: Report, uri: str | None, run: str | None) -> judging.Other:
        if uri is not None and given.subject == uri:
            return judging.Beside(uri, given, "report")
        if uri is not None and run is not None and given.subject == run:
            return judging.Beside(uri, given, "run_report")
        raise errors.BadInput(
            f"report {given.id} is of {given.subject}, and {uri or 'nothing'} is served",
            fix="name a report of what is served, or none: it is found, or made",
        )

    def _made(self, actor_id: str, report: Report, uri: str) -> judging.Other:
        """Evaluate the champion as the report was."""
        groups = tuple(dict.fromkeys(one.column for one in report.groups))
        new = NewReport(subject=uri, data=report.data, part=report.part, groups=groups, task=report.task)
        try:
            return judging.Beside(uri, self._maker.evaluate(report.school_id, actor_id, new), "made")
        except errors.ShuyuanError as refused:
            return judging.Unreported(uri, refused.message)

    def _on_the_same(self, report: Report, subject: str) -> Report | None:
        """The newest finished report of this subject on the same rows."""
        with self._db.read() as conn:
            found = store.reports(conn, report.school_id, subject, report.data, _SEARCHED, state="finished")
        same = (report.part, report.data_sha256)
        return next((one for one in found if (one.part, one.data_sha256) == same), None)

    def _served(self, school_id: str, model: str) -> str | None:
        if not model:
            return None
        try:
            return self._catalogue.resolve(school_id, f"models:/{model}@{catalogue_api.CHAMPION}").uri
        except catalogue_api.UnknownModel:
            return None

    def _model_behind(self, school_id: str, given: Report) -> str:
        """The model a run was registered as and is served as; empty where it is none."""
        run = self._resolver.run_behind(school_id, given.subject)
        served = ((uri, _model_of(uri)) for uri in (run.registered if run else ()))
        return next((model for uri, model in served if self._served(school_id, model) == uri), "")


def _model_of(subject: str) -> str:
    """The name of a version's model; empty for runs and cross-validations."""
    return subject.removeprefix("models:/").rpartition("/")[0] if subject.startswith("models:/") else ""
