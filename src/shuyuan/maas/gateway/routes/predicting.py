"""`/v1/services/predict`: rows by the names of their columns in, answers out, by a version trained on a table."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway import interface, streaming, wire
from shuyuan.maas.gateway.inference import graphs, rows
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService

DEADLINE_S = 120.0


def router(gateway: GatewayService) -> APIRouter:
    """The one route."""
    api, desk = common.openai_router("Tables"), gateway.desk
    known, described, readers = common.knower(desk), graphs.Graphs(desk), rows.Readers()

    @api.post("/services/predict", openapi_extra=common.takes(wire.PredictBody))
    async def predict(request: Request, principal: Principal = Depends(known)) -> Response:
        """Rows as they stand in the table → an answer each; the version's own encoders make its inputs of them."""
        body = wire.parse(wire.PredictBody, await request.body())
        desk.admit(principal)
        found = await desk.locate(principal, body.model, "predict")
        async with streaming.while_reading(request.receive):
            reader = await run_in_threadpool(readers.of, found.key, found.spec)
            feeds = await run_in_threadpool(reader.feeds, body.rows)
            inputs = rows.taken(feeds, await described.of(principal, body.model, found))
            async with desk.booked(principal, found, "infer", began=request.state.began) as call:
                outputs = await desk.engine.predict(
                    body.model, inputs, asker=desk.asker(principal), deadline_s=DEADLINE_S
                )
                call.note(interface.Usage(0))
        told = await run_in_threadpool(rows.answers, found.spec, outputs, len(body.rows))
        receipt = desks.receipt(call, found)
        answer = {"answers": told, "not_read": reader.not_read(body.rows), "model": receipt.model}
        return common.answer(request, answer, receipt)

    return api
