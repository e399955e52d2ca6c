"""An engine that answers each call with the chunks a test wrote, and a locator whose models claim what a test says."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.maas.gateway.scripted import ScriptedEngine, ScriptedLocator

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface as serving

Script = Callable[[int, Mapping[str, object]], Sequence[serving.Chunk]]


@dataclass(eq=False)
class TalkingEngine(ScriptedEngine):
    """`script` gives the chunks of call number n (from 0) for its payload."""

    script: Script = lambda _n, _payload: spoken("Hello there")
    tasks: list[str] = field(default_factory=list)

    async def submit(
        self,
        model: str,
        task: str,
        payload: Mapping[str, object],
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[serving.Chunk, None]:
        number = len(self.asked)
        self.asked.append(dict(payload))
        self.tasks.append(task)
        finished = False
        try:
            for chunk in self.script(number, payload):
                yield chunk
                await asyncio.sleep(0)
            finished = True
        finally:
            self.closed += not finished


class Claiming(ScriptedLocator):
    """The scripted models, which claim more: completions, tools, ranking."""

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        found = super().locate(model, school_id)
        more: tuple[catalogue.Task, ...] = ("complete", "summarize", "translate") if model == "tiny" else ("rerank",)
        return found.model_copy(update={"tasks": (*found.tasks, *more), "spec": {"tools": True}})


def spoken(
    *pieces: str, finish: Literal["stop", "length"] = "stop", usage: serving.Usage | None = None
) -> list[serving.Chunk]:
    """An answer in pieces, with a likely token beside each."""
    chunks = [serving.Chunk(piece, data={"logprobs": [token(piece)]}) for piece in pieces]
    return [*chunks, serving.Chunk("", finish_reason=finish, usage=usage or serving.Usage(7, len(pieces)))]


def token(text: str) -> dict[str, object]:
    """One entry of logprobs, as OpenAI writes it."""
    return {"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": []}
