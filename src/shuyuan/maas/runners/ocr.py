"""Read print in a photo with PP-OCR: find the lines, turn them upright, read them. Never uses the network."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import rapidocr
from rapidocr.main import RapidOCRError
from rapidocr.utils.process_img import map_boxes_to_original

from shuyuan.maas.runners import interface, pictures

_LONGEST_SIDE = 2_000  # pixels; more gains no letters and costs time by the square
_BATCH_LINES = 6  # read between two looks at `cancelled`
_MAX_LINES = 1_000
_MIN_SCORE = 0.5


class OcrRunner:
    """A detector (the primary file) with the recogniser and the classifier of upside-down lines beside it."""

    batches_itself: ClassVar[bool] = False
    slots = 1

    def __init__(self) -> None:
        self._engine: Any = None  # rapidocr states no types
        self._load_s = 0.0
        self._requests = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read `…det….onnx` with its siblings `…rec….onnx` and `…cls….onnx`."""
        started = time.perf_counter()
        params = {
            "Global.log_level": "critical",
            "Global.max_side_len": _LONGEST_SIDE,
            "Det.model_path": str(path),
            "Rec.model_path": str(_sibling(path, "rec")),
            "Cls.model_path": str(_sibling(path, "cls")),
            "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
        }
        try:
            engine: Any = rapidocr.RapidOCR(params=params)
            for wake in (engine._load_det_model, engine._load_rec_model, engine._load_cls_model):
                wake()  # otherwise the first request would pay, and a bad file would show there
        except Exception as wrong:  # onnxruntime raises a different class for every status
            raise interface.BadModelFile(f"{path.name}: {wrong}"[:500], fix="pull the model again") from wrong
        self._engine = engine
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """One chunk: the lines joined as text; data {lines: [{text, box, score}], width, height}."""
        if task != "ocr":
            raise interface.UnsupportedTask(f"a model that reads pictures cannot {task}", fix="ask for task 'ocr'")
        if self._engine is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        picture = pictures.read(payload.get("image"), longest_side=_LONGEST_SIDE)
        self._requests += 1
        lines = self._read(picture, cancelled)
        usage = interface.Usage(prompt_tokens=0)
        if lines is None:
            yield interface.Chunk(finish_reason="cancelled", usage=usage)
            return
        data = {"lines": lines, "width": picture.width, "height": picture.height}
        text = "\n".join(str(line["text"]) for line in lines)
        yield interface.Chunk(text=text, data=data, finish_reason="stop", usage=usage)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, 0, 0)

    def close(self) -> None:
        """Drop the sessions."""
        self._engine = None

    def _read(self, picture: pictures.Picture, cancelled: interface.Cancellation) -> list[dict[str, object]] | None:
        if cancelled.is_set():
            return None
        pixels = np.ascontiguousarray(picture.pixels[..., ::-1])  # it was trained on blue, green, red
        image, record = self._engine.preprocess_img(pixels)
        try:
            crops, found = self._engine.detect_and_crop(image, record)
        except RapidOCRError:  # its word for: no line found
            return []
        boxes = map_boxes_to_original(found.boxes, record, *pixels.shape[:2]) / picture.scale
        lines: list[dict[str, object]] = []
        for at in range(0, min(len(crops), _MAX_LINES), _BATCH_LINES):
            if cancelled.is_set():
                return None
            upright, _ = self._engine.cls_and_rotate(crops[at : at + _BATCH_LINES])
            lines += _lines(self._engine.recognize_txt(upright), boxes[at : at + _BATCH_LINES])
        return lines


def _lines(read: Any, boxes: Any) -> Iterator[dict[str, object]]:
    """What was read surely enough, with the corners clockwise from the top left."""
    for text, score, box in zip(read.txts or (), read.scores or (), boxes, strict=True):
        if text.strip() and score >= _MIN_SCORE:
            corners = [[round(float(x), 1), round(float(y), 1)] for x, y in box]
            yield {"text": text, "box": corners, "score": round(float(score), 4)}


def _sibling(path: Path, part: str) -> Path:
    found = sorted(path.parent.glob(f"*{part}*.onnx"))
    if len(found) != 1:
        names = ", ".join(other.name for other in found) or "none"
        raise interface.BadModelFile(
            f"{len(found)} files *{part}*.onnx beside {path.name} ({names}), one is needed", fix="pull the model again"
        )
    return found[0]
