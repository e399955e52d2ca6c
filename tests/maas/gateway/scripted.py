"""An engine and a locator that do what a test wrote, and callers of a gateway on them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db, ids
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving


@dataclass(eq=False)
class ScriptedEngine:
    """Gives the pieces it was told, counts what was cancelled, raises what it was told."""

    pieces: Sequence[str] = ("Hello", " there")
    usage: serving.Usage = field(default_factory=lambda: serving.Usage(7, 2))
    failure: Exception | None = None
    fail_after: int = 0
    finish_reason: Literal["stop", "length"] = "stop"
    hold: asyncio.Event | None = None  # wait here after the first piece
    closed: int = 0
    asked: list[dict[str, object]] = field(default_factory=list)
    askers: list[serving.Asker] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)

    async def submit(
        self,
        model: str,
        task: str,
        payload: Mapping[str, object],
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[serving.Chunk, None]:
        self.asked.append(dict(payload))
        self.askers.append(asker)
        finished = False
        try:
            for n, piece in enumerate(self.pieces):
                if self.failure and n == self.fail_after:
                    raise self.failure
                yield serving.Chunk(piece)
                if self.hold:
                    await self.hold.wait()
            finished = True
            yield serving.Chunk("", finish_reason=self.finish_reason, usage=self.usage)
        finally:
            self.closed += not finished

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        truncate: interface.Truncate = "mean",
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> serving.Embeddings:
        self.askers.append(asker)
        self.truncated.append(truncate)
        if self.failure:
            raise self.failure
        return serving.Embeddings(_vectors(texts), 5 * len(texts))

    async def predict(
        self,
        model: str,
        inputs: Mapping[str, NDArray[np.generic]],
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> dict[str, NDArray[np.generic]]:
        raise NotImplementedError

    async def warm(self, model: str, *, school_id: str = catalogue.SHARED, replicas: int | None = None) -> None: ...
    async def unload(self, model: str, *, school_id: str = catalogue.SHARED) -> None: ...
    async def pin(self, model: str, pinned: bool = True, *, school_id: str = catalogue.SHARED) -> None: ...
    async def keep_alive(self, model: str, seconds: float | None, *, school_id: str = catalogue.SHARED) -> None: ...
    def forget(self) -> None: ...

    def residency(self) -> serving.Residency:
        return serving.Residency(0, 0, [])

    async def close(self) -> None: ...

    def status(self) -> list[serving.ModelStatus]:
        return [
            serving.ModelStatus("tiny", "ready"),
            serving.ModelStatus("embed", "ready"),
            serving.ModelStatus("tutor", "pulling", progress=0.25),
            serving.ModelStatus("other", "absent"),
        ]


class ScriptedLocator:
    """`tiny` and `embed` are here, `tutor` is being pulled, `other` is absent."""

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        if model not in ("tiny", "embed"):
            known = model in self.known()
            raise (catalogue.NotPulled if known else catalogue.UnknownModel)(f"model {model!r}", fix="pull it")
        return catalogue.Loadable(
            name=model,
            version=f"models:/{model}/1",
            path=Path(__file__),
            runner="llama",
            tasks=("chat",) if model == "tiny" else ("embed", "classify"),
            context_tokens=2048,
            memory_bytes=1,
        )

    def pull_progress(self, model: str) -> catalogue.PullProgress | None:
        if model != "tutor":
            return None
        return catalogue.PullProgress(name=model, stage="fetching", bytes_done=25, bytes_total=100)

    def known(self, school_id: str = catalogue.SHARED) -> Sequence[str]:
        return ("tiny", "embed", "tutor", "other")


def _vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors from letters: the same text gives the same vector."""
    rows = np.zeros((len(texts), 384), dtype=np.float32)
    for n, text in enumerate(texts):
        for letter in text.lower():
            rows[n, ord(letter) % 384] += 1
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@dataclass(frozen=True)
class Caller:
    """A developer with a key, and the administrator of their school."""

    principal: Principal
    admin: Principal
    secret: str


def new_caller(identity: IdentityService, database: db.Database, login: str = "dev") -> Caller:
    school = identity.create_school(f"School of {login}")
    account = database.write(
        lambda uow: identity.create_account(
            uow, school_id=school.id, role="developer", name="Dev", login=login, secret=None
        )
    )
    principal = identity.sign_in_as(account).principal
    key = identity.create_key(principal, "test")
    return Caller(identity.principal_of_key(key.secret), admin_of(principal), key.secret)


def admin_of(principal: Principal) -> Principal:
    return Principal(ids.new_id(), principal.school_id, "admin")


def hello(max_tokens: int | None = 20) -> interface.ChatRequest:
    return interface.ChatRequest("tiny", [{"role": "user", "content": "hello"}], max_tokens=max_tokens)


async def say(gateway: GatewayService, principal: Principal, request: interface.ChatRequest | None = None) -> str:
    async with gateway.chat(principal, request or hello()) as answer:
        return "".join([delta.text async for delta in answer])
