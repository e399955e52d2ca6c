"""Canary and shadow at the gateway: who is given which version, how calls of it ended, what runs beside.

`Rolling.name` decides once a call, in memory; `Rolled` hands the engine the version that was decided on, wherever in
that call it is asked; `Rolling.noted` stands around the call. A shadow's answer is compared and thrown away: it is on
nobody's books, waits behind everybody, and when too many wait there is none.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.deployment import interface as deployment
from shuyuan.maas.gateway import interface, shadows
from shuyuan.maas.gateway.books import booking
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface as serving

SHADOW_DEADLINE_S = 60.0
_MOST_NAMES, _SHADOW = 8, "shadow"
_NOT_TO_BLAME = (serving.Loading, serving.Closed)
_given: ContextVar[Mapping[tuple[str, str], str] | None] = ContextVar("given", default=None)
_located: ContextVar[Mapping[tuple[str, str], str] | None] = ContextVar("located", default=None)
Tensors = Mapping[str, NDArray[np.generic]]


class Rolling:
    """What the desk asks of deployments."""

    def __init__(self, rollout: deployment.Rollout) -> None:
        self._rollout = rollout

    def name(self, school_id: str, model: str, person: str) -> str:
        """What to call `model` by in this call, for this person; the engine is told the same."""
        given, key = self._rollout.choose(school_id, model, person), (school_id, model)
        known = _given.get()
        if known is None or len(known) >= _MOST_NAMES:
            _given.set({key: given})
        elif known.get(key) != given:
            _given.set({**known, key: given})
        return given

    def located(self, school_id: str, model: str, version: str) -> None:
        """What is booked: the engine runs this version, though the name stand for another by then."""
        known, key = _located.get() or {}, (school_id, model)
        if known.get(key) != version:
            _located.set({key: version} if len(known) >= _MOST_NAMES else {**known, key: version})

    def fall_back(self, school_id: str, model: str, given: str) -> None:
        """The version given cannot be had: it is to blame, and the champion answers."""
        self._rollout.note(school_id, given, False, 0.0)
        _given.set({**(_given.get() or {}), (school_id, model): model})

    def noted(self, school_id: str, version: str, call: booking.Booking) -> "_Noted":
        """Stands around a booked call."""
        return _Noted(self._rollout if self._rollout.watches(school_id, version) else None, school_id, version, call)


class _Noted:
    """Notes how a call ended, where its version is to blame or to praise: not those left, cached or ill-formed."""

    __slots__ = ("_began", "_call", "_rollout", "_school_id", "_version")

    def __init__(self, rollout: deployment.Rollout | None, school_id: str, version: str, call: booking.Booking) -> None:
        self._rollout, self._school_id, self._version, self._call = rollout, school_id, version, call

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._rollout is None or not self._call.sure:  # a reservation that failed is no version's fault
            return
        if kind is None:
            if self._call.finished and self._call.cache != "hit":
                self._rollout.note(self._school_id, self._version, True, time.perf_counter() - self._began)
        elif is_to_blame(failure):
            self._rollout.note(self._school_id, self._version, False, 0.0)


def is_to_blame(failure: BaseException | None) -> bool:
    """Whether a call that ended so says something of its version: it broke, hung, or would not load."""
    if isinstance(failure, errors.ShuyuanError):
        return failure.status >= 500 and not isinstance(failure, _NOT_TO_BLAME)
    return isinstance(failure, Exception)


def cannot_be_had(failure: errors.ShuyuanError) -> bool:
    """Whether a version's file is not there, damaged, or does not do what the champion does."""
    return failure.status >= 500 or isinstance(failure, errors.NotFound | interface.NotClaimed | interface.NotInstalled)


class Nobody:
    """No deployments: every name is what it was written as."""

    def choose(self, school_id: str, model: str, person: str) -> str:
        return model

    def shadow(self, school_id: str, model: str) -> str | None:
        return None

    def watches(self, school_id: str, version: str) -> bool:
        return False

    def note(self, school_id: str, version: str, ok: bool, latency_s: float) -> None: ...
    def compared(self, school_id: str, version: str, agreed: bool | None, *, ok: bool, latency_s: float) -> None: ...


class Rolled:
    """An engine that is asked by the names people write, and asks the one behind it for the version given to them."""

    def __init__(self, engine: serving.Engine, rollout: deployment.Rollout) -> None:
        self._inner, self._rollout, self._shadows = engine, rollout, shadows.Shadows()

    def __getattr__(self, name: str) -> Any:  # Any: whatever else this engine can do
        return getattr(self._inner, name)

    def submit(
        self,
        model: str,
        task: str,
        payload: runners.Payload,
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[serving.Chunk, None]:
        """See Engine.submit."""
        given = self._meant(model, asker)
        chunks = self._inner.submit(given, task, payload, asker=_for(asker, model), deadline_s=deadline_s)
        beside = self._beside(model, given, asker) if task != "describe" else None
        return chunks if beside is None else self._with_shadow(chunks, beside, task, payload, asker)

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        truncate: runners.Truncate = "mean",
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> serving.Embeddings:
        """See Engine.embed."""
        given = self._meant(model, asker)
        answer = await self._inner.embed(
            given, texts, kind=kind, truncate=truncate, asker=_for(asker, model), deadline_s=deadline_s
        )
        if (beside := self._beside(model, given, asker)) is not None:

            async def again() -> bool:
                shown = await self._inner.embed(
                    beside,
                    texts,
                    kind=kind,
                    truncate=truncate,
                    asker=_behind(asker),
                    deadline_s=SHADOW_DEADLINE_S,
                )
                return shadows.same_meaning(answer.vectors, shown.vectors)

            self._run_beside(beside, asker, again)
        return answer

    async def predict(
        self,
        model: str,
        inputs: Tensors,
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> dict[str, NDArray[np.generic]]:
        """See Engine.predict."""
        given = self._meant(model, asker)
        answer = await self._inner.predict(given, inputs, asker=_for(asker, model), deadline_s=deadline_s)
        if (beside := self._beside(model, given, asker)) is not None:

            async def again() -> bool:
                shown = await self._inner.predict(beside, inputs, asker=_behind(asker), deadline_s=SHADOW_DEADLINE_S)
                return shadows.same_tensors(answer, shown)

            self._run_beside(beside, asker, again)
        return answer

    async def warm(self, model: str, *, school_id: str = catalogue.SHARED, replicas: int | None = None) -> None:
        await self._inner.warm(model, school_id=school_id, replicas=replicas)

    async def unload(self, model: str, *, school_id: str = catalogue.SHARED) -> None:
        await self._inner.unload(model, school_id=school_id)

    async def pin(self, model: str, pinned: bool = True, *, school_id: str = catalogue.SHARED) -> None:
        await self._inner.pin(model, pinned, school_id=school_id)

    async def keep_alive(self, model: str, seconds: float | None, *, school_id: str = catalogue.SHARED) -> None:
        await self._inner.keep_alive(model, seconds, school_id=school_id)

    def status(self) -> list[serving.ModelStatus]:
        return self._inner.status()

    def residency(self) -> serving.Residency:
        return self._inner.residency()

    def forget(self) -> None:
        self._inner.forget()

    async def close(self) -> None:
        await self._inner.close()

    async def _with_shadow(
        self,
        chunks: AsyncGenerator[serving.Chunk, None],
        beside: str,
        task: str,
        payload: runners.Payload,
        asker: serving.Asker,
    ) -> AsyncGenerator[serving.Chunk, None]:
        told, ended = list[str](), False
        async with aclosing(chunks):
            async for chunk in chunks:
                told.append(chunk.text)
                ended = ended or chunk.finish_reason is not None
                if ended:
                    self._run_beside(
                        beside, asker, lambda: self._said_again(beside, task, payload, asker, "".join(told))
                    )
                yield chunk

    async def _said_again(
        self, beside: str, task: str, payload: runners.Payload, asker: serving.Asker, told: str
    ) -> bool | None:
        """Whether the same was said; None where chance decides what is said."""
        words = list[str]()
        chunks = self._inner.submit(beside, task, payload, asker=_behind(asker), deadline_s=SHADOW_DEADLINE_S)
        async with aclosing(chunks):
            async for chunk in chunks:
                words.append(chunk.text)
        return "".join(words) == told if not payload.get("temperature") else None

    def _meant(self, model: str, asker: serving.Asker) -> str:
        known = _given.get()
        given = known.get((asker.school_id, model)) if known is not None else None
        return given if given is not None else self._rollout.choose(asker.school_id, model, asker.person)

    def _beside(self, model: str, given: str, asker: serving.Asker) -> str | None:
        beside = self._rollout.shadow(asker.school_id, model)
        return None if beside == given else beside

    def _run_beside(self, beside: str, asker: serving.Asker, again: Callable[[], Awaitable[bool | None]]) -> None:
        async def run() -> None:
            began, agreed, ok = time.perf_counter(), None, False
            try:
                agreed, ok = await again(), True
            except Exception as failure:  # nobody waits for it
                if not is_to_blame(failure) or isinstance(failure, serving.DeadlineExceeded):  # it waits behind all
                    return
            self._rollout.compared(asker.school_id, beside, agreed, ok=ok, latency_s=time.perf_counter() - began)

        self._shadows.begin(run)


def _for(asker: serving.Asker, model: str) -> serving.Asker:
    """With the version that was located for this call, if one was."""
    known = _located.get()
    version = known.get((asker.school_id, model), "") if known is not None else ""
    return replace(asker, version=version) if version else asker


def _behind(asker: serving.Asker) -> serving.Asker:
    """In the line of nobody: it takes no part of a class's."""
    return serving.Asker(asker.school_id, "", _SHADOW, 2)
