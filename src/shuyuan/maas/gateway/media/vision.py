"""Pictures: text on a page, labels, things and where they are. The verbs.

A picture is judged by its header, decoded in a process of its own or inside the model's worker, never here.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import booking
from shuyuan.maas.gateway.inference import graphs
from shuyuan.maas.gateway.media import decoder, labels, pictures

DEADLINE_S = 120.0
MAX_PAGE_PIXELS = 25_000_000
_OCR_TOKENS = 1_000  # reserved for a page; settled with what the runner counts


@dataclass(frozen=True)
class Page:
    """The text of a picture: lines as the runner found them, each {"text", "box": four corners, "score"}."""

    receipt: interface.Receipt
    text: str
    lines: list[Mapping[str, Any]]  # Any: JSON
    width: int
    height: int
    usage: interface.Usage


@dataclass(frozen=True)
class Seen:
    """What was found in a picture. Boxes: x1, y1, x2, y2 in pixels of the picture as it is shown upright."""

    receipt: interface.Receipt
    width: int
    height: int
    found: list[tuple[str, float, tuple[float, float, float, float]]]


class Eyes:
    """The verbs of pictures, over one decoder process."""

    def __init__(self, desk: desks.Desk) -> None:
        self._desk = desk
        self.decoder = decoder.Decoder()
        self.graphs = graphs.Graphs(desk)

    async def read_page(
        self,
        principal: Principal,
        name: str,
        picture: bytes,
        *,
        hear: Callable[[str], Awaitable[None]],
        began: float | None = None,
    ) -> Page:
        """Text and where it stands; `hear` is told the text first. Raises BadPicture, TooMuch, NotClaimed."""
        began, desk = began or time.perf_counter(), self._desk
        desk.admit(principal)
        size = pictures.look(picture, MAX_PAGE_PIXELS)
        model = await desk.locate(principal, name, "ocr")
        text, data, spent = "", dict[str, Any](), interface.Usage(0)
        async with desk.booked(principal, model, "ocr", tokens=_OCR_TOKENS, prompt_tokens=0, began=began) as call:
            asker = desk.asker(principal)
            chunks = desk.engine.submit(name, "ocr", {"image": picture}, asker=asker, deadline_s=DEADLINE_S)
            async with aclosing(chunks):
                async for chunk in chunks:
                    text, data, spent = text + chunk.text, {**data, **chunk.data}, chunk.usage or spent
            call.note(spent)
        await hear(text)
        lines = cast(list[Mapping[str, Any]], data.get("lines", []))
        width, height = int(data.get("width", size.width)), int(data.get("height", size.height))
        return Page(desks.receipt(call, model), text, lines, width, height, spent)

    async def classify(
        self, principal: Principal, name: str, picture: bytes, *, top: int, began: float | None = None
    ) -> Seen:
        """The likeliest labels of the whole picture. Raises BadPicture, TooMuch, NotClaimed, BadSpec."""
        began = began or time.perf_counter()
        model, pixels, call, outputs = await self._run(principal, name, picture, "image_classify", began)
        found = labels.classes(model.spec, outputs, top)
        width, height = _upright(picture, pixels)
        whole = (0.0, 0.0, float(width), float(height))
        return Seen(desks.receipt(call, model), width, height, [(f.label, f.score, whole) for f in found])

    async def detect(
        self, principal: Principal, name: str, picture: bytes, *, threshold: float | None, began: float | None = None
    ) -> Seen:
        """Things with boxes, best first. Raises BadPicture, TooMuch, NotClaimed, BadSpec."""
        began = began or time.perf_counter()
        model, pixels, call, outputs = await self._run(principal, name, picture, "detect", began)
        found = labels.detections(model.spec, outputs, threshold)
        width, height = _upright(picture, pixels)
        image = labels.read_input(model.spec)
        placed = [(f.label, f.score, _placed(f.box, pixels, image, width, height)) for f in found]
        return Seen(desks.receipt(call, model), width, height, placed)

    async def close(self) -> None:
        """End the decoder process."""
        await self.decoder.close()

    async def _run(
        self, principal: Principal, name: str, picture: bytes, task: catalogue_api.Task, began: float
    ) -> tuple[catalogue_api.Loadable, decoder.Pixels, booking.Booking, dict[str, NDArray[np.generic]]]:
        desk = self._desk
        desk.admit(principal)
        pictures.look(picture)
        model = await desk.locate(principal, name, task)
        image = labels.read_input(model.spec)
        labels.names(model.spec)
        async with desk.booked(principal, model, task, began=began) as call:
            pixels = await self.decoder.decode(
                picture, height=image.height, width=image.width, channels=image.channels, pad=image.pad
            )
            graph = await self.graphs.of(principal, name, model)
            port = graph.inputs[0].name if graph.inputs and not _declared(model) else image.name
            inputs: dict[str, NDArray[np.generic]] = {port: _shaped(image.tensor(pixels.data), graph, port)}
            asker = desk.asker(principal)
            outputs = await desk.engine.predict(name, inputs, asker=asker, deadline_s=DEADLINE_S)
            call.note(interface.Usage(0))
        return model, pixels, call, outputs


def _shaped(tensor: NDArray[np.generic], graph: graphs.Graph, port: str) -> NDArray[np.generic]:
    """As the graph takes it: one of rows of numbers, as scikit-learn's are, gets the pixels one after another."""
    takes_rows = any(one.name == port and len(one.shape) == 2 for one in graph.inputs)
    return tensor.reshape(len(tensor), -1) if takes_rows else tensor


def _declared(model: catalogue_api.Loadable) -> bool:
    """Whether the version names its picture's input."""
    image = model.spec.get("image")
    return isinstance(image, Mapping) and "input" in image


def _upright(picture: bytes, pixels: decoder.Pixels) -> tuple[int, int]:
    size = pictures.look(picture)
    return (size.height, size.width) if pixels.turned else (size.width, size.height)


def _placed(
    box: tuple[float, float, float, float], pixels: decoder.Pixels, image: labels.Input, width: int, height: int
) -> tuple[float, float, float, float]:
    """Shares of the input as pixels of the picture."""
    left, top, across, down = pixels.shown

    def x(share: float) -> float:
        return min(float(width), max(0.0, (share * image.width - left) / across * width))

    def y(share: float) -> float:
        return min(float(height), max(0.0, (share * image.height - top) / down * height))

    return x(box[0]), y(box[1]), x(box[2]), y(box[3])
