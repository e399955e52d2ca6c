"""Text services: summaries, translations, nearest labels. Prompts and choices; models run through the gateway."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface
from shuyuan.science import text as plain_text

_LANGUAGE = {"zh": "Simplified Chinese", "en": "English"}
_SUMMARISE_LAST = {  # small models follow what is said last
    "zh": "请用简体中文概括以上内容，最多{n}句。",
    "en": "Summarise the above in English, in at most {n} short sentence(s).",
}
_SHARPNESS = 0.03  # cosines of one embedding model lie close together; this spreads them into shares


@dataclass(frozen=True)
class Extract:
    """Sentences taken from a text, and where they stood."""

    text: str
    positions: tuple[int, ...]


def extract(text: str, count: int) -> Extract:
    """The `count` sentences that share most with the whole text, in their order.

    >>> extract("Cats purr. Cats sleep and cats purr a lot. It rained.", 1)
    Extract(text='Cats sleep and cats purr a lot.', positions=(1,))
    """
    sentences = [found for piece in plain_text.split_sentences(text) if (found := piece.strip())]
    whole = Counter(plain_text.terms(text))
    ranked = sorted(range(len(sentences)), key=lambda n: (-_centrality(sentences[n], whole), n))
    kept = tuple(sorted(ranked[:count]))
    return Extract(_join([sentences[n] for n in kept]), kept)


async def summarize_by_model(
    gateway: interface.Gateway,
    principal: Principal,
    text: str,
    sentences: int,
    language: interface.Language | None,
    model: str,
) -> interface.Summary:
    """A summary in the model's words, in `language` or that of the text."""
    told = f" Write in {_LANGUAGE[language]}." if language else " Write in the language of the text."
    asked = f"{text}\n\n{_SUMMARISE_LAST[language].format(n=sentences)}" if language else text
    system = f"Summarise the user's text in at most {sentences} short sentences.{told} Give the summary only."
    said = await _ask(gateway, principal, model, system, asked, max_tokens=100 * sentences)
    return interface.Summary(said.receipt, said.text, "model", usage=said.usage, truncated=said.cut)


async def translate(
    gateway: interface.Gateway,
    principal: Principal,
    text: str,
    target: interface.Language,
    source: interface.Language | None,
    model: str,
) -> interface.Translation:
    """The text in the other language, whole. Raises OutputCut."""
    origin = f" from {_LANGUAGE[source]}" if source else ""
    system = f"Translate the user's text{origin} into {_LANGUAGE[target]}. Give the translation only."
    room = min(2048, 64 + len(text.encode()))
    said = await _ask(gateway, principal, model, system, text, max_tokens=room)
    if said.cut:
        raise interface.OutputCut(
            f"the translation of {len(text)} characters was cut after {said.usage.completion_tokens} tokens",
            fix="send the text in shorter pieces, a paragraph at a time",
        )
    return interface.Translation(said.receipt, said.text, said.usage)


async def classify(
    gateway: interface.Gateway, principal: Principal, text: str, labels: Sequence[str], model: str
) -> interface.Classified:
    """Labels by nearness of meaning. Raises BadInput for fewer than 2 or repeated labels."""
    if not 2 <= len(labels) <= interface.MAX_LABELS or len(set(labels)) < len(labels):
        raise errors.BadInput(
            f"{len(labels)} labels, {len(set(labels))} different",
            fix=f"give 2 to {interface.MAX_LABELS} different labels",
        )
    answer = await gateway.embed(principal, model, [text, *labels], kind="query", purpose="service")
    nearness = (answer.vectors[1:] @ answer.vectors[0]).tolist()
    best = max(nearness)
    weights = [math.exp((value - best) / _SHARPNESS) for value in nearness]
    scored = sorted(zip(labels, weights, strict=True), key=lambda pair: -pair[1])
    return interface.Classified(
        answer.receipt, tuple((label, weight / sum(weights)) for label, weight in scored), answer.usage
    )


@dataclass(frozen=True)
class _Said:
    """A model's whole answer. cut: it reached its limit before it was done."""

    text: str
    receipt: interface.Receipt
    usage: interface.Usage
    cut: bool


async def _ask(
    gateway: interface.Gateway, principal: Principal, model: str, system: str, text: str, *, max_tokens: int
) -> _Said:
    request = interface.ChatRequest(
        model,
        [{"role": "system", "content": system}, {"role": "user", "content": text}],
        max_tokens=max_tokens,
        temperature=0.0,
    )
    words, usage, cut = "", interface.Usage(0), False
    async with gateway.chat(principal, request, purpose="service") as answer:
        async for delta in answer:
            words += delta.text
            usage, cut = delta.usage or usage, cut or delta.finish_reason == "length"
    return _Said(words.strip(), answer.receipt, usage, cut)


def _centrality(sentence: str, whole: Counter[str]) -> float:
    terms = Counter(plain_text.terms(sentence))
    length = math.sqrt(sum(n * n for n in terms.values()))
    return sum(n * whole[term] for term, n in terms.items()) / length if length else 0.0


def _join(sentences: Sequence[str]) -> str:
    out = ""
    for sentence in sentences:
        out += (" " if out and out[-1] < "\u2000" else "") + sentence
    return out
