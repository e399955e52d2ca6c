"""What may be asked of the gateway: conversations, texts to go on from, and the caps of one request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.science.text import policy

Message = runners.Message
Language = catalogue.Language
Truncate = runners.Truncate
Purpose = Literal["api", "tutor", "service"]
SummaryStyle = Literal["sentences", "title"]
Band = policy.Band

MAX_MESSAGES = 128
MAX_CHARS = 100_000  # of all messages or inputs together
MAX_INPUTS = 256
MAX_LABELS = 32
MAX_STOPS = 4
MAX_CHOICES = 4
MAX_TOP_LOGPROBS = 20
MAX_TOOLS = 32
MAX_DOCUMENTS = 1000


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One conversation to continue. max_tokens None: up to 512 or what the context leaves, whichever is less.

    n: answers at once.  logprobs: how many likely tokens to tell beside each (None: none are told).
    json_schema: what the answer's JSON must look like; {} for any object.  tools, tool_choice, parallel_tool_calls: in
    OpenAI's shape, for models that claim them.  age_band: what is said both ways is checked for it; None: not checked.
    """

    model: str
    messages: Sequence[Message]
    max_tokens: int | None = None
    temperature: float = 0.7
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    logprobs: int | None = None
    json_schema: Mapping[str, object] | None = None
    tools: Sequence[Mapping[str, object]] = ()
    tool_choice: str | Mapping[str, object] | None = None
    parallel_tool_calls: bool | None = None
    age_band: Band | None = None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Texts to go on from, without roles; `n` answers to each. Other fields as in `ChatRequest`."""

    model: str
    prompts: Sequence[str]
    max_tokens: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    logprobs: int | None = None
    age_band: Band | None = None
