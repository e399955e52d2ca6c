"""Can the early warning be trusted? What it learnt from, what it said and what came, for administrators."""

from fastapi import APIRouter, Request, Response

from shuyuan.learning.insight.interface import LINE_FEWEST, LINE_MARGIN, EarlyWarning
from shuyuan.web.reading import Reader
from shuyuan.web.shell import Shell


def router(shell: Shell, warnings: EarlyWarning) -> APIRouter:
    """`/warning`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/warning")
    def page(request: Request, reader: Reader) -> Response:
        evidence, trust, at = warnings.trust(reader)
        line = {"few": LINE_FEWEST, "margin": round(100 * LINE_MARGIN)}
        return shell.show(
            request,
            "admin/warning.html",
            principal=reader,
            here="warning",
            evidence=evidence,
            trust=trust,
            at=at,
            may_fit=reader.role == "admin",
            line=line,
        )

    return api
