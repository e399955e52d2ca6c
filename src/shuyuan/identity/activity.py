"""The activity log as a school's administrator reads it, over HTTP."""

from typing import Any

from fastapi import APIRouter, Depends, Query

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db


def router(db: kernel_db.Database, audit: kernel_audit.Audit) -> APIRouter:
    """`/api/audit`."""
    api = APIRouter(tags=["audit"])

    @api.get("/api/audit")
    def entries(
        before: int | None = Query(None, ge=1, le=2**31 - 1, description="Only entries older than this number."),
        action: str | None = Query(None, max_length=64, description="Only actions that start with this word."),
        limit: int = Query(100, ge=1, le=500),
        principal: Principal = Depends(caller),
    ) -> dict[str, Any]:
        """Who did what in this school, newest first: ids and numbers, never names."""
        with db.read() as conn:
            rows = kernel_audit.entries(conn, principal.school_id, limit=limit, before_seq=before, action=action)
            found = [{**row._mapping, "at": row.at.isoformat()} for row in rows]
        return {"entries": found, "next_before": found[-1]["seq"] if len(found) == limit else None}

    @api.get("/api/audit/verify")
    def verify(principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Whether the chain of the whole installation is unbroken."""
        with db.read() as conn:
            outcome = audit.verify(conn)
        return {"entries": outcome.entries, "whole": outcome.fault is None, "fault": outcome.fault}

    return api
