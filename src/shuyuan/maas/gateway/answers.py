"""What the gateway answers: pieces of running answers, vectors, texts, labels, each with its receipt."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.gateway.asking import Band
from shuyuan.maas.gateway.charges import Allowance
from shuyuan.maas.runners import interface as runners
from shuyuan.science.text import policy

Usage = runners.Usage
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of answer number `index`. The last one of each carries why it ended and what all have cost so far.

    logprobs: one entry a token of this piece, in OpenAI's shape.  tool_calls: pieces of calls, likewise.
    """

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    index: int = 0
    logprobs: Sequence[Mapping[str, object]] = ()
    tool_calls: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What every answer can tell about itself. overhead_ms: time this platform added before the model began."""

    request_id: str
    model: str
    version: str
    overhead_ms: float
    allowances: tuple[Allowance, ...] = ()
    cache: Literal["", "hit", "miss"] = ""  # empty: the response cache was not asked


class Answer(Protocol):
    """A running answer: iterate it inside the `async with` that gave it."""

    @property
    def receipt(self) -> Receipt:
        """What is known of the call by now."""
        ...

    def __aiter__(self) -> AsyncIterator[Delta]: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """Unit vectors, one row per text, in the order given."""

    receipt: Receipt
    vectors: NDArray[np.float32]  # (texts, dimensions)
    usage: Usage


@dataclass(frozen=True, slots=True)
class Summary:
    """`sentences` are positions in the text for an extractive summary, empty when a model wrote it.

    truncated: the model reached its limit before it was done; the last sentence may be broken off.
    """

    receipt: Receipt
    text: str
    method: Literal["extractive", "model"]
    sentences: tuple[int, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage(0))
    truncated: bool = False
    warnings: tuple[str, ...] = ()  # what a person should look at: numbers that the text does not hold


@dataclass(frozen=True, slots=True)
class Translation:
    """`warnings`: what was lost even when asked again, such as a number or a name."""

    receipt: Receipt
    text: str
    usage: Usage
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels with relative scores that sum to 1, best first. Not calibrated: never a mark."""

    receipt: Receipt
    labels: tuple[tuple[str, float], ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Ranked:
    """Positions of documents with their nearness to the query (0 to 1), best first."""

    receipt: Receipt
    order: tuple[tuple[int, float], ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as its model reads it."""

    receipt: Receipt
    text: str
    tokens: tuple[int, ...]
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Keywords:
    """Words of a text with relative weights, best first; the best weighs 1."""

    receipt: Receipt
    words: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Sentiment:
    """How a text sounds: `score` from -1 to 1. A word list's opinion: never about a person, never a mark."""

    receipt: Receipt
    label: Literal["positive", "negative", "neutral"]
    score: float


@dataclass(frozen=True, slots=True)
class Moderated:
    """What the education policy finds in each text."""

    receipt: Receipt
    age_band: Band
    judgements: tuple[policy.Judgement, ...]
