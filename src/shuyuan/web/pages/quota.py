"""My allowance: what is left for me, of which budget, and what did my latest calls cost?"""

from fastapi import APIRouter, Request, Response

from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

CALLS_SHOWN = 10


def router(needs: OfficeNeeds) -> APIRouter:
    """`/quota`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/quota")
    def page(request: Request, reader: Reader) -> Response:
        allowances = needs.gateway.usage(reader)
        left = [one.tokens_left for one in allowances if one.tokens_left is not None]
        own = [one for one in needs.gateway.calls(reader, limit=100) if one.account_id == reader.account_id]
        return needs.shell.show(
            request,
            "account/quota.html",
            principal=reader,
            here="quota",
            allowances=sorted(allowances, key=lambda one: one.scope != "account"),
            left=min(left) if left else None,
            calls=own[:CALLS_SHOWN],
            currency=needs.gateway.terms(reader).currency,
        )

    return api
