"""`/v1/rerank`: documents by nearness to a query, in the shape of Cohere and Jina."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import streaming, wire
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """Ranking."""
    api, known = common.openai_router("Search"), common.knower(gateway.desk)

    @api.post("/rerank", openapi_extra=common.takes(wire.RerankBody))
    async def rerank(request: Request, principal: Principal = Depends(known)) -> Response:
        """Documents nearest in meaning first. Scores are cosines cut to 0..1: they rank, they are no probabilities."""
        body = wire.parse(wire.RerankBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.rerank(
                principal, body.model, body.query, body.documents, top_n=body.top_n, began=request.state.began
            )
        documents = body.documents if body.return_documents else None
        return common.answer(request, wire.ranking(told, documents), told.receipt)

    return api
