"""Fits that evaluation orders: taken in, looked at, cancelled. What goes on with them is `refitwork`."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import families, making, refitstore, refitwork
from shuyuan.maas.evaluation.interface import (
    CrossValidationEnded,
    Fits,
    NewCrossValidation,
    NewFit,
    Refit,
    Report,
    ReportEnded,
    RunFacts,
    Spread,
    UnknownCrossValidation,
    UnknownSubject,
)
from shuyuan.science.metrics import spread

_MOST_OPEN = 5  # of a school at a time
_MOST_EPOCHS = 5  # of a fit with shuffled labels: enough to learn a leak by heart, cheap otherwise
RUNS = "runs:/"


class Refits:
    """Takes them in. fits: whoever trains; None: nobody does here."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        datasets: datasets_api.DataSets,
        maker: making.Maker,
        fits: Fits | None,
        work: refitwork.RefitWork,
        home_id: str,
    ) -> None:
        self._db, self._audit, self._datasets, self._maker = db, audit, datasets, maker
        self._fits, self._work, self._home_id = fits, work, home_id

    def cross_validate(self, principal: Principal, new: NewCrossValidation) -> Refit:
        """See Evaluation.cross_validate."""
        principal.require("admin", "developer")
        run = self._run(principal.school_id, new.run) if new.run else None
        task, data = new.task or (run.task if run else ""), new.data or (run.data if run else "")
        if not task or not data:
            raise errors.BadInput("neither a run nor task and data were named", fix="name `run`, or `task` and `data`")
        version = self._datasets.version(principal.school_id, data)
        self._datasets.require_each_row_once(version)
        for part in new.parts:
            if part not in version.parts:
                raise datasets_api.UnknownPart(f"{version.uri} has no part {part}", fix="split it, or leave it out")
        for name in new.groups:
            version.column(name)
        config = new.config if new.config is not None else run.config if run and run.task == task else {}
        seed = new.seed if new.seed is not None else run.seed if run else 7
        asked = {"task": task, "config": dict(config), "seed": seed, "k": new.k, "by": _by(new, task, version)}
        asked |= {"parts": [one for one in datasets_api.PARTS if one in new.parts], "groups": list(new.groups)}
        return self._begin(principal, version, kind="folds", **asked)

    def retrain_shuffled(self, principal: Principal, report: Report, run: RunFacts | None) -> Refit:
        """See Evaluation.retrain_shuffled."""
        principal.require("admin", "developer")
        if run is None or report.family not in ("classification", "regression"):
            raise UnknownSubject(
                f"{report.subject} was not trained here to find a label", fix="use the report of a run that was"
            )
        version = self._datasets.version(principal.school_id, run.data)
        for part in ("train", "validation"):
            if part not in version.parts:
                raise datasets_api.UnknownPart(f"{version.uri} has no part {part}", fix="split it, and train again")
        config = dict(run.config)
        if isinstance(epochs := config.get("epochs"), int):
            config["epochs"] = min(epochs, _MOST_EPOCHS)
        asked = {"task": run.task, "config": config, "seed": run.seed, "k": 1, "by": "random"}
        asked |= {"parts": ["train", "validation"], "groups": [], "of_report": report.id}
        return self._begin(principal, version, kind="shuffled", **asked)

    def one(self, school_id: str, refit_id: str) -> Refit:
        """See Evaluation.refit."""
        with self._db.read() as conn:
            row = _row(conn, school_id, refit_id)
        return self._told(row)

    def listed(self, school_id: str, of_report: str | None, limit: int) -> list[Refit]:
        """See Evaluation.refits."""
        with self._db.read() as conn:
            rows = refitstore.listed(conn, school_id, "shuffled" if of_report else "folds", of_report, limit)
        return [told(row) for row in rows]

    def reading(self, school_id: str, data: Collection[str]) -> list[Refit]:
        """See Evaluation.refits_on."""
        with self._db.read() as conn:
            rows = refitstore.reading(conn, school_id, data)
        return [told(row) for row in rows]

    def cancel(self, principal: Principal, refit_id: str) -> Refit:
        """See Evaluation.cancel_refit."""
        principal.require("admin", "developer")

        def change(uow: kernel_db.UnitOfWork) -> Row[Any]:
            row = _row(uow.conn, principal.school_id, refit_id)
            if not refitstore.change(uow, row.id, state="cancelled", ended_at=uow.now):
                raise CrossValidationEnded(
                    f"cross-validation {row.number} is {row.state}", fix="nothing is left to stop"
                )
            self._record(uow, row, principal.account_id, "cross_validation.cancelled")
            return row

        row = self._db.write(change)
        if row.report_id:
            with contextlib.suppress(ReportEnded):
                self._maker.cancel(self._maker.head(row.school_id, row.report_id), principal.account_id)
        self._work.drop(row, principal.account_id)
        return self.one(principal.school_id, row.id)

    def _begin(self, principal: Principal, version: datasets_api.DataSetVersion, **asked: Any) -> Refit:  # Any: columns
        """Refuse what the runs would refuse, then store it with its reading of the test part."""
        self._datasets.require_trainable(version)
        fit = NewFit(task=asked["task"], data=version.uri, config=asked["config"], seed=asked["seed"], key="")
        self._trainer().check_start(principal.school_id, fit)
        families.family_of(asked["task"])
        school_id, actor_id = principal.school_id, principal.account_id

        def work(uow: kernel_db.UnitOfWork) -> Row[Any]:
            if refitstore.open_of(uow.conn, school_id) >= _MOST_OPEN:
                raise errors.RateLimited(
                    f"{_MOST_OPEN} cross-validations are under way", fix="wait for one to end", retry_after_s=60.0
                )
            told = {"school_id": school_id, "data": version.uri, "home_id": self._home_id, "created_by": actor_id}
            row = refitstore.add(uow, **told, **asked)
            self._record(uow, row, actor_id, "cross_validation.started")
            if "test" in asked["parts"]:
                part = version.parts["test"]
                noted = {"subject": f"cv:/{row.id}", "data": version.uri, "data_sha256": part.sha256}
                self._maker.note(uow, school_id, actor_id, {**noted, "rows": part.rows, "report_id": None})
            return row

        row = self._db.write(work)
        self._work.wake()
        return told(row)

    def _run(self, school_id: str, reference: str) -> RunFacts:
        return self._trainer().run_of(school_id, reference.removeprefix(RUNS))

    def _trainer(self) -> Fits:
        if self._fits is None:
            raise errors.Unavailable("nothing is trained here", fix="ask the server that trains")
        return self._fits

    def _told(self, row: Row[Any]) -> Refit:
        """With how many folds have ended."""
        found = told(row)
        if found.is_ended or self._fits is None:
            return found
        states = [self._fits.run_of(row.school_id, one).state for one in row.runs]
        return found.model_copy(update={"ended": sum(one in refitwork.ENDED for one in states)})

    def _record(self, uow: kernel_db.UnitOfWork, row: Row[Any], actor_id: str, action: str) -> None:
        self._audit.record(
            uow, school_id=row.school_id, actor_id=actor_id, action=action, object_id=row.id, number=row.number
        )


def told(row: Row[Any]) -> Refit:
    """A row as people see it."""
    values = dict(row._mapping)
    values["runs"] = [RUNS + one for one in row.runs]
    values["ended"] = len(row.runs) if row.state == "finished" else 0
    values["spreads"] = _spreads(row.folds)
    return Refit.model_validate(values)


def _spreads(folds: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    found = {}
    for name, each in folds.items():
        over = spread.over_folds(each)
        found[name] = Spread(values=tuple(each), mean=over.mean, low=over.low, high=over.high)
    return found


def _by(new: NewCrossValidation, task: str, version: datasets_api.DataSetVersion) -> str:
    """How the rows are cut. Raises WrongColumns where no column has the role that it goes by."""
    role = {"person": "person", "time": "time", "stratified": "label"}
    if new.by == "auto":
        if version.with_role("person"):
            return "person"
        finds_classes = families.family_of(task) == "classification" and version.with_role("label")
        return "stratified" if finds_classes else "random"
    if new.by != "random" and not version.with_role(role[new.by]):  # type: ignore[arg-type]  # a role
        raise datasets_api.WrongColumns(
            f"{version.uri} has no column of role {role[new.by]}", fix="give one that role, or cut at random"
        )
    return new.by


def _row(conn: Connection, school_id: str, refit_id: str) -> Row[Any]:
    row = refitstore.one(conn, school_id, refit_id.removeprefix("cv:/"))
    if row is None:
        raise UnknownCrossValidation(
            f"there is no cross-validation {refit_id[:80]!r}", fix="see GET /api/cross-validations"
        )
    return row
