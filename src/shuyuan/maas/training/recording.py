"""Lines of the activity log about runs and searches: in the unit that makes the change."""

from typing import Any

from sqlalchemy import Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db


def record(audit: kernel_audit.Audit, uow: kernel_db.UnitOfWork, row: Row[Any], actor_id: str, action: str) -> None:
    """Who did what to the run or search of this row."""
    audit.record(uow, school_id=row.school_id, actor_id=actor_id, action=action, object_id=row.id, number=row.number)


def taken(audit: kernel_audit.Audit, uow: kernel_db.UnitOfWork, principal: Principal, run_id: str) -> None:
    """Who took predictions, which tell of single rows."""
    told = {"school_id": principal.school_id, "actor_id": principal.account_id, "object_id": run_id}
    audit.record(uow, action="run.predictions_downloaded", **told)
