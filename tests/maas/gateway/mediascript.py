"""Media models for a scripted gateway, and its application with files, batches and `/v2`."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from tests.maas.gateway.scripted import ScriptedEngine, ScriptedLocator

from shuyuan import compose
from shuyuan.entrypoints.server import build_app
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface as serving

TASKS: Mapping[str, tuple[catalogue.Task, ...]] = {
    "tiny": ("chat",),
    "embed": ("embed", "classify"),
    "whisper": ("transcribe",),
    "whisper-both": ("transcribe", "translate"),
    "ocr": ("ocr",),
    "voice": ("speak",),
    "shades": ("predict", "image_classify"),
    "finder": ("predict", "detect"),
    "bare": ("predict", "detect"),
    "linear": ("predict",),
}
IMAGE = {"size": [4, 8], "channels": 1, "scale": 1.0, "input": "x"}
SPECS: Mapping[str, Mapping[str, object]] = {
    "shades": {"labels": ["dark", "light"], "image": IMAGE, "activation": "none"},
    "finder": {
        "labels": ["a", "b"],
        "image": {**IMAGE, "resize": "pad"},
        "detector": {"boxes": "boxes", "scores": "scores", "classes": "classes"},
    },
    "linear": {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    },
}
SEGMENTS = [
    {"start_s": 0.0, "end_s": 1.5, "text": " Good morning,"},
    {"start_s": 1.5, "end_s": 3.25, "text": " class."},
]
LINES = [{"text": "2x + 1 = 7", "box": [[1, 1], [60, 1], [60, 12], [1, 12]], "score": 0.98}]


class MediaLocator(ScriptedLocator):
    """Models of every task, `tutor` being pulled, `other` absent."""

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        name = model.removeprefix("models:/").partition("/")[0]
        if name not in TASKS:
            return super().locate(model, school_id)
        return catalogue.Loadable(
            name=name,
            version=f"models:/{name}/1",
            path=Path(__file__),
            runner="onnx",
            tasks=TASKS[name],
            context_tokens=2048,
            memory_bytes=1,
            spec=SPECS.get(name, {}),
        )

    def known(self, school_id: str = catalogue.SHARED) -> Sequence[str]:
        return (*TASKS, "tutor", "other")


@dataclass(eq=False)
class MediaEngine(ScriptedEngine):
    """Answers media tasks with what is written above; `slow_s` is how long a chat takes."""

    loaded: set[str] = field(default_factory=set)
    slow_s: float = 0.0
    told: Path | None = None  # every chat is noted there
    failing: dict[str, Exception] = field(default_factory=dict)  # a word in the prompt → what then happens

    async def submit(
        self,
        model: str,
        task: str,
        payload: Mapping[str, object],
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[serving.Chunk, None]:
        self.asked.append({"task": task, **payload})
        if self.failure:
            raise self.failure
        if task == "describe":
            raise runners.UnsupportedTask("a script cannot describe itself")
        if task == "transcribe":
            for n, segment in enumerate(SEGMENTS, 1):
                yield serving.Chunk(str(segment["text"]), usage=serving.Usage(32, n))
            heard = {"segments": SEGMENTS, "language": "en", "duration_s": 3.25}
            yield serving.Chunk("", finish_reason="stop", usage=serving.Usage(32, 2), data=heard)
        elif task == "ocr":
            page = {"lines": LINES, "width": 64, "height": 16}
            yield serving.Chunk("2x + 1 = 7", finish_reason="stop", usage=serving.Usage(5, 0), data=page)
        elif task == "speak":
            sound = {"audio": runners.pack_tensor(np.frombuffer(b"RIFFsound", np.uint8))}
            data = {"media_type": "audio/wav"}
            yield serving.Chunk(tensors=sound, data=data, finish_reason="stop", usage=serving.Usage(5))
        elif task == "chat":
            await asyncio.sleep(self.slow_s)
            said = str(payload["messages"])
            if self.told is not None:
                with self.told.open("a") as out:
                    out.write(f"{said}\n")
            for word, failure in list(self.failing.items()):
                if word in said:
                    raise failure
            yield serving.Chunk("Hello", usage=serving.Usage(7, 1))
            yield serving.Chunk("", finish_reason="stop", usage=serving.Usage(7, 1))
        else:
            raise AssertionError(task)

    async def predict(
        self,
        model: str,
        inputs: Mapping[str, NDArray[np.generic]],
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> dict[str, NDArray[np.generic]]:
        self.asked.append({"task": "predict", **inputs})
        if self.failure:
            raise self.failure
        x = inputs["x"]
        if model.endswith("shades"):
            light = float(np.mean(x.astype(np.float32))) / 255
            return {"scores": np.asarray([[1 - light, light]], np.float32)}
        if model.endswith(("finder", "bare")):
            boxes = [[2, 0, 6, 4], [2, 0, 6, 3.9], [2, 0, 4, 2]]
            return {
                "boxes": np.asarray(boxes, np.float32),
                "scores": np.asarray([0.9, 0.8, 0.7], np.float32),
                "classes": np.asarray([1, 1, 0], np.int64),
            }
        with np.errstate(over="ignore"):
            return {"y": x.astype(np.float32) * np.float32(2), "n": np.asarray([len(x)], np.int64)}

    async def warm(self, model: str, *, school_id: str = catalogue.SHARED, replicas: int | None = None) -> None:
        self.loaded.add(model)

    async def unload(self, model: str, *, school_id: str = catalogue.SHARED) -> None:
        self.loaded.discard(model)

    __hash__ = object.__hash__  # whoever watches engines keeps them in a set

    def status(self) -> list[serving.ModelStatus]:
        def state(name: str) -> serving.State:
            return "ready" if name in self.loaded else "pulled"

        return [serving.ModelStatus(name, state(name), version=f"models:/{name}/1") for name in TASKS]


def platform_on(settings: Any, engine: serving.Engine, **given: object) -> compose.Platform:
    """A whole platform whose engine is scripted."""
    return compose.Platform(settings, engine=engine, catalogue=MediaLocator(), **given)


def app_on(platform: compose.Platform) -> FastAPI:
    """The model plane with everything that runs beside it: outbox, jobs, DBOS when a batch comes."""
    return build_app(platform, ("identity", "gateway"))
