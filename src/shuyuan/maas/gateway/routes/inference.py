"""`/v2`, the Open Inference Protocol: health, metadata, inference, and what is in memory."""

from importlib import metadata as packages

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway import interface, models, streaming
from shuyuan.maas.gateway.inference import graphs, tensors
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService

EXTENSIONS = ("binary_tensor_data", "model_repository")
DEADLINE_S = 120.0
_PLATFORMS = {"onnx": "onnxruntime_onnx", "torch": "pytorch_torch", "remote": "remote"}


def error_page(_request: Request, error: errors.ShuyuanError) -> Response:
    """How errors look under `/v2`: one sentence."""
    status = 400 if isinstance(error, errors.Malformed) else error.status
    told = f"{error.message}; {error.fix}" if error.fix else error.message
    return JSONResponse({"error": told, "code": error.error_code}, status_code=status)


def router(gateway: GatewayService) -> APIRouter:
    """Every route of the protocol."""
    api = APIRouter(prefix="/v2", route_class=common.Timed, tags=["Open Inference Protocol"])
    _server(api)
    _models(api, gateway)
    _repository(api, gateway)
    return api


def _server(api: APIRouter) -> None:
    @api.get("")
    def server() -> dict[str, object]:
        """Name, version, extensions."""
        return {"name": "shuyuan", "version": packages.version("shuyuan"), "extensions": list(EXTENSIONS)}

    @api.get("/health/live")
    def live() -> dict[str, bool]:
        """The process answers."""
        return {"live": True}

    @api.get("/health/ready")
    def ready() -> dict[str, bool]:
        """Requests are taken; a model that is not in memory loads with its first."""
        return {"ready": True}


def _models(api: APIRouter, gateway: GatewayService) -> None:
    desk, known = gateway.desk, common.knower(gateway.desk)
    described = graphs.Graphs(desk)

    @api.get("/models/{model:path}/ready")
    @api.get("/models/{model:path}/versions/{version}/ready")
    async def model_ready(model: str, version: str = "", principal: Principal = Depends(known)) -> Response:
        """200 when it can answer, though it may have to load first."""
        name = _reference(model, version)
        found = await desk.locate(principal, name, "predict")
        return JSONResponse({"name": model, "ready": True}, headers={"x-shuyuan-model-version": found.version})

    @api.post("/models/{model:path}/infer")
    @api.post("/models/{model:path}/versions/{version}/infer")
    async def infer(request: Request, model: str, version: str = "", principal: Principal = Depends(known)) -> Response:
        """Tensors in, tensors out, as JSON or bytes."""
        if encoding := request.headers.get("content-encoding"):
            raise tensors.BadRequest(f"content-encoding {encoding!r} is not read", fix="send the body as it is")
        body, name = await request.body(), _reference(model, version)
        desk.admit(principal)
        asked = await run_in_threadpool(tensors.read, body, request.headers.get(tensors.LENGTH_HEADER))
        found = await desk.locate(principal, name, "predict")
        async with streaming.while_reading(request.receive):
            tensors.check(asked, await described.of(principal, name, found))
            async with desk.booked(principal, found, "infer", began=request.state.began) as call:
                outputs = await desk.engine.predict(
                    name, asked.inputs, asker=desk.asker(principal), deadline_s=DEADLINE_S
                )
                call.note(interface.Usage(0))
        told, head = await run_in_threadpool(
            lambda: tensors.write(asked, outputs, model=model, version=_number(found.version))
        )
        headers = common.headers(desks.receipt(call, found))
        if head is None:
            return Response(told, headers=headers, media_type="application/json")
        headers |= {tensors.LENGTH_HEADER: str(head)}
        return Response(told, headers=headers, media_type="application/octet-stream")

    @api.get("/models/{model:path}")
    @api.get("/models/{model:path}/versions/{version}")
    async def metadata(
        request: Request, model: str, version: str = "", principal: Principal = Depends(known)
    ) -> Response:
        """Inputs and outputs: names, datatypes, shapes."""
        if model.endswith("/infer"):
            raise errors.MethodNotAllowed(f"GET {request.url.path} is not answered", fix="use POST")
        name = _reference(model, version)
        found = await desk.locate(principal, name, "predict")
        graph = await described.of(principal, name, found)
        told = {
            "name": model,
            "versions": [_number(found.version)],
            "platform": _PLATFORMS.get(found.runner, found.runner),
            "inputs": [_port(port) for port in graph.inputs],
            "outputs": [_port(port) for port in graph.outputs],
        }
        return JSONResponse(told, headers={"x-shuyuan-model-version": found.version})


def _repository(api: APIRouter, gateway: GatewayService) -> None:
    desk, known = gateway.desk, common.knower(gateway.desk)

    @api.post("/repository/index")
    def index(principal: Principal = Depends(known)) -> list[dict[str, str]]:
        """Every tensor model this school may use, and whether it is in memory."""
        return [
            {
                "name": one.version.model if one.version else one.status.model,
                "version": str(one.version.number) if one.version else _number(one.status.version),
                "state": "READY" if one.status.state == "ready" else "UNAVAILABLE",
                "reason": one.status.reason or ("" if one.status.state == "ready" else one.status.state),
            }
            for one in desk.listed(principal.school_id)
            if _predicts(desk, one, principal.school_id)
        ]

    @api.post("/repository/models/{model:path}/load")
    async def load(model: str, principal: Principal = Depends(known)) -> Response:
        """Load now."""
        found = await desk.locate(principal, model, "predict")
        await desk.engine.warm(model, school_id=principal.school_id)
        return JSONResponse({}, headers={"x-shuyuan-model-version": found.version})

    @api.post("/repository/models/{model:path}/unload")
    async def unload(model: str, principal: Principal = Depends(known)) -> Response:
        """Free its memory; the next request loads it again."""
        found = await desk.locate(principal, model, "predict")
        await run_in_threadpool(gateway.require_keeper, principal, found)
        await desk.engine.unload(model, school_id=principal.school_id)
        return JSONResponse({}, headers={"x-shuyuan-model-version": found.version})


def _predicts(desk: desks.Desk, one: models.Listed, school_id: str) -> bool:
    """As its version says; of an entry its card does. No version's file is fetched for a list."""
    if one.version is not None:
        return "predict" in one.version.tasks
    card = desk.card(one.status.model, school_id)
    return card is not None and "predict" in card.tasks


def _reference(model: str, version: str) -> str:
    """What the catalogue knows it by. A path with a version is registered first: the decorator nearest the function."""
    if version and not (version.isascii() and version.isdigit() and len(version) < 10):
        raise tensors.BadRequest(f"version {version[:40]!r} is no number", fix="use a number, or leave it out")
    return f"models:/{model.removeprefix('models:/')}/{version}" if version else model


def _number(version: str) -> str:
    """`3` of `models:/name/3`."""
    return version.rpartition("/")[2]


def _port(port: graphs.Port) -> dict[str, object]:
    return {"name": port.name, "datatype": port.datatype, "shape": list(port.shape)}
