"""`/v1/moderations`: OpenAI's shape, and beside it what the education policy says itself."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.wire import base
from shuyuan.science.text import policy

_MOST_INPUTS = 32
_OPENAI: Mapping[str, tuple[policy.Category, int]] = {  # their category → ours, from which level on
    "harassment": ("bullying", 1),
    "harassment/threatening": ("violence", 2),
    "hate": ("hate", 1),
    "hate/threatening": ("hate", 3),
    "illicit": ("drugs", 1),
    "illicit/violent": ("weapons", 1),
    "self-harm": ("self_harm", 1),
    "self-harm/intent": ("self_harm", 4),  # told by `harm`, below
    "self-harm/instructions": ("self_harm", 3),
    "sexual": ("sexual", 1),
    "sexual/minors": ("sexual", 3),
    "violence": ("violence", 1),
    "violence/graphic": ("violence", 4),  # not told apart
}


def _input_text(value: object) -> object:
    """A text part is its text."""
    if isinstance(value, dict) and value.get("type") == "text":
        return value.get("text")
    return value


class ModerationBody(base.Body):
    """`POST /v1/moderations`. `model` is taken and not needed; `age_band` is ours."""

    input: Annotated[
        list[Annotated[str, BeforeValidator(_input_text), Field(max_length=interface.MAX_CHARS)]],
        BeforeValidator(base.as_list),
        Field(min_length=1, max_length=_MOST_INPUTS),
    ]
    model: str | None = Field(None, max_length=base.MODEL_NAME_CHARS)
    age_band: interface.Band | None = None


def moderation(answer: interface.Moderated) -> dict[str, Any]:
    """One result a text. flagged: kept from this age band, or its writer may be in danger."""
    return {
        "id": f"modr-{answer.receipt.request_id}",
        "model": answer.receipt.model,
        "results": [_result(judged, answer.age_band) for judged in answer.judgements],
    }


def _result(judged: policy.Judgement, band: policy.Band) -> dict[str, Any]:
    levels = {**judged.levels}
    blocked = judged.blocked(band)
    told = {theirs: levels.get(ours, 0) >= least for theirs, (ours, least) in _OPENAI.items()}
    scores = {theirs: judged.score(ours) if told[theirs] else 0.0 for theirs, (ours, _) in _OPENAI.items()}
    if judged.harm:
        told |= {"self-harm": True, "self-harm/intent": True}
        scores |= {"self-harm": 0.9, "self-harm/intent": 0.9}
    return {
        "flagged": bool(blocked) or judged.harm,
        "categories": told,
        "category_scores": scores,
        "category_applied_input_types": {theirs: ["text"] for theirs in _OPENAI},
        "policy": {
            "age_band": band,
            "blocked": list(blocked),
            "harm_signs": judged.harm,
            "levels": {category: levels.get(category, 0) for category in policy.CATEGORIES},
        },
    }
