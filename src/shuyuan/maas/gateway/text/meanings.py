"""What rests on nearness of meaning: labels for a text, documents for a query, versions with labels of their own."""

import asyncio
import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import checks, interface
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway.books import booking, quota
from shuyuan.maas.gateway.media import labels as trained
from shuyuan.maas.gateway.text import ownlabels
from shuyuan.maas.serving import interface as serving

DEADLINE_S = 60.0
_SHARPNESS = 0.03  # cosines of one embedding model lie close together; this spreads them into shares
_PARTS = re.compile("[、，,;；:：/|\n]+")
_MOST_PARTS = 24
_REMEMBERED = 200  # sets of labels
Vectors = NDArray[np.float32]
_readings = ownlabels.Readings()  # of versions, which never change


class Centres:
    """Where labels lie, remembered per school, model and words: the same labels come with text after text."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Vectors] = {}

    def get(self, key: tuple[object, ...]) -> Vectors | None:
        """None: not known."""
        return self._kept.get(key)

    def put(self, key: tuple[object, ...], centres: Vectors) -> None:
        """Keep them, and forget the oldest."""
        self._kept[key] = centres
        if len(self._kept) > _REMEMBERED:
            del self._kept[next(iter(self._kept))]


class Served(Protocol):
    """Whoever has a desk."""

    @property
    def desk(self) -> desks.Desk: ...


async def classify(
    gateway: Served,
    principal: Principal,
    text: str,
    labels: Sequence[str],
    model: catalogue_api.Loadable,
    name: str,
    *,
    known: Centres,
    descriptions: Mapping[str, str] | None = None,
) -> interface.Classified:
    """Labels by nearness of meaning. Raises BadInput for fewer than 2 or repeated labels.

    model: located once, by `name`; it is what is booked, told, and remembered with the centres.
    descriptions: words that belong to a label, between commas; a label then lies in the middle of them.
    """
    if not 2 <= len(labels) <= interface.MAX_LABELS or len(set(labels)) < len(labels):
        raise errors.BadInput(
            f"{len(labels)} labels, {len(set(labels))} different",
            fix=f"give 2 to {interface.MAX_LABELS} different labels",
        )
    parts = [_parts(label, (descriptions or {}).get(label, "")) for label in labels]
    key = (principal.school_id, model.key, tuple(map(tuple, parts)))
    centres = known.get(key)
    words = [word for ones in parts for word in ones] if centres is None else []
    call, answer = await _embedded(gateway.desk, principal, model, name, [text, *words])
    if centres is None:
        centres = _centres(answer.vectors[1:], parts)
        known.put(key, centres)
    nearness = centres @ answer.vectors[0]
    usage = interface.Usage(answer.prompt_tokens)
    return interface.Classified(desks.receipt(call, model), _shares(labels, nearness), usage)


async def classify_by_version(
    desk: desks.Desk, principal: Principal, text: str, model: catalogue_api.Loadable, name: str
) -> interface.Classified:
    """Labels of a version trained on texts: `ownlabels` says what its spec tells. Raises BadSpec."""
    began = time.perf_counter()
    desk.admit(principal)
    checks.inputs([text])
    reads, asker = _readings.of(model.key, model.spec), desk.asker(principal)
    wanted = reads.vector
    if wanted is not None:
        await desk.locate(principal, wanted.model, "embed")
    tokens = quota.estimate_tokens([text])
    async with desk.booked(principal, model, "classify", tokens=tokens, purpose="service", began=began) as call:
        vectors, usage = None, interface.Usage(tokens)
        if wanted is not None:
            embedded = await desk.engine.embed(
                wanted.model, [text], kind=wanted.kind, asker=asker, deadline_s=DEADLINE_S
            )
            vectors, usage = embedded.vectors, interface.Usage(embedded.prompt_tokens)
            call.note_part(usage)
        inputs = await asyncio.to_thread(reads.feeds, text, vectors)
        outputs = await desk.engine.predict(name, inputs, asker=asker, deadline_s=DEADLINE_S)
        found = trained.classes(model.spec, outputs, interface.MAX_LABELS)
        call.note(usage)
    return interface.Classified(desks.receipt(call, model), tuple((one.label, one.score) for one in found), usage)


async def rerank(
    desk: desks.Desk,
    principal: Principal,
    model: str,
    query: str,
    documents: Sequence[str],
    *,
    top_n: int | None,
    began: float | None,
) -> interface.Ranked:
    """Documents by cosine with the query, cut to 0..1; equals keep their order."""
    began = began or time.perf_counter()
    desk.admit(principal)
    checks.documents(query, documents)
    found = await desk.locate(principal, model, "rerank")
    expected = quota.estimate_tokens([query, *documents])
    asker = desk.asker(principal)
    async with desk.booked(principal, found, "rerank", tokens=expected, began=began) as call:
        asked = await desk.engine.embed(model, [query], kind="query", asker=asker, deadline_s=DEADLINE_S)
        spent, scores = asked.prompt_tokens, []
        call.note_part(interface.Usage(spent))
        for at in range(0, len(documents), interface.MAX_INPUTS):
            batch = documents[at : at + interface.MAX_INPUTS]
            read = await desk.engine.embed(model, batch, kind="passage", asker=asker, deadline_s=DEADLINE_S)
            call.note_part(interface.Usage(spent := spent + read.prompt_tokens))
            scores.append(read.vectors @ asked.vectors[0])
        usage = interface.Usage(spent)
        call.note(usage)
    near = np.clip(np.concatenate(scores), 0.0, 1.0)
    order = np.argsort(-near, kind="stable")[: top_n or len(documents)]
    return interface.Ranked(desks.receipt(call, found), tuple((int(at), float(near[at])) for at in order), usage)


async def _embedded(
    desk: desks.Desk, principal: Principal, model: catalogue_api.Loadable, name: str, texts: Sequence[str]
) -> tuple[booking.Booking, serving.Embeddings]:
    """Vectors by a model that was located already: located again, the name could mean another version."""
    began = time.perf_counter()
    desk.admit(principal)
    checks.inputs(texts)
    if "embed" not in model.tasks:
        raise interface.NotClaimed(
            f"the card of {name!r} does not claim 'embed'; it claims {', '.join(model.tasks)}",
            fix="leave the labels out, or use a model that claims embed",
        )
    tokens = quota.estimate_tokens(texts)
    booked = desk.booked(principal, model, "embeddings", tokens=tokens, purpose="service", began=began, early=True)
    async with booked as call:
        answer = await desk.embed(call, principal, model, name, texts, kind="passage", deadline_s=DEADLINE_S)
    return call, answer


def _parts(label: str, description: str) -> list[str]:
    words = [word.strip() for word in _PARTS.split(description) if word.strip()]
    return [label, *words[:_MOST_PARTS]]


def _centres(vectors: Vectors, parts: Sequence[Sequence[str]]) -> Vectors:
    """One unit vector a label: the middle of those of its words."""
    ends = np.cumsum([len(ones) for ones in parts])
    rows = np.stack([part.mean(axis=0) for part in np.split(vectors, ends[:-1])])
    unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _shares(labels: Sequence[str], nearness: Vectors) -> tuple[tuple[str, float], ...]:
    best = float(nearness.max())
    weights = [math.exp((float(value) - best) / _SHARPNESS) for value in nearness]
    ranked = sorted(zip(labels, weights, strict=True), key=lambda pair: -pair[1])
    return tuple((label, weight / sum(weights)) for label, weight in ranked)
