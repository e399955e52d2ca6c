"""What other modules may know of the gateway: what is asked, what is answered, what it costs, why it is refused.

Each of the four has a file of its own beside this one; here is who answers, `Gateway`, and all of their names.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Protocol

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway.answers import (
    Answer,
    Classified,
    Delta,
    Embedded,
    FinishReason,
    Keywords,
    Moderated,
    Ranked,
    Receipt,
    Sentiment,
    Summary,
    Tokens,
    Translation,
    Usage,
)
from shuyuan.maas.gateway.asking import (
    MAX_CHARS,
    MAX_CHOICES,
    MAX_DOCUMENTS,
    MAX_INPUTS,
    MAX_LABELS,
    MAX_MESSAGES,
    MAX_STOPS,
    MAX_TOOLS,
    MAX_TOP_LOGPROBS,
    Band,
    ChatRequest,
    CompletionRequest,
    Language,
    Message,
    Purpose,
    SummaryStyle,
    Truncate,
)
from shuyuan.maas.gateway.charges import (
    Allowance,
    Call,
    Moment,
    Period,
    Price,
    Scope,
    Terms,
    Total,
)
from shuyuan.maas.gateway.refusals import (
    ContentPolicy,
    EmptyOutput,
    NotClaimed,
    NotInstalled,
    OutputCut,
    QuotaFull,
    StreamsFull,
    Suspended,
    TooMuch,
    WrongLanguage,
)
from shuyuan.maas.serving import interface as serving
from shuyuan.science.text import policy

__all__ = [
    "Allowance",
    "Answer",
    "Band",
    "Call",
    "Category",
    "ChatRequest",
    "Classified",
    "CompletionRequest",
    "ContentPolicy",
    "Delta",
    "Embedded",
    "EmptyOutput",
    "FinishReason",
    "Gateway",
    "HARM_SIGNS",
    "Keywords",
    "Language",
    "MAX_CHARS",
    "MAX_CHOICES",
    "MAX_DOCUMENTS",
    "MAX_INPUTS",
    "MAX_LABELS",
    "MAX_MESSAGES",
    "MAX_STOPS",
    "MAX_TOOLS",
    "MAX_TOP_LOGPROBS",
    "Message",
    "ModelStatus",
    "Moderated",
    "Moment",
    "NotClaimed",
    "NotInstalled",
    "OutputCut",
    "Period",
    "Price",
    "Purpose",
    "QuotaFull",
    "Ranked",
    "Receipt",
    "Scope",
    "Sentiment",
    "StreamsFull",
    "Summary",
    "SummaryStyle",
    "Suspended",
    "Terms",
    "Tokens",
    "TooMuch",
    "Total",
    "Translation",
    "Truncate",
    "Usage",
    "WrongLanguage",
]

ModelStatus = serving.ModelStatus
Category = policy.Category
HARM_SIGNS = "gateway.harm_signs"  # event. subject_id: the account; key_id, age_band, source


class Gateway(Protocol):
    """Models for other modules, under the same quotas and ledger as `/v1`.

    Raises Suspended, QuotaFull, NotClaimed, TooMuch and what the engine raises (UnknownModel, NotPulled,
    Loading, LoadFailed, Overloaded, DeadlineExceeded, WorkerLost, ContextTooLong).
    """

    def chat(
        self, principal: Principal, request: ChatRequest, *, purpose: Purpose = "api", deadline_s: float = 300
    ) -> AbstractAsyncContextManager[Answer]:
        """Continue a conversation. Leaving the context stops the work in the worker and settles the quota."""
        ...

    def complete(
        self, principal: Principal, request: CompletionRequest, *, deadline_s: float = 300
    ) -> AbstractAsyncContextManager[Answer]:
        """Go on from plain texts. Answers are numbered prompt by prompt."""
        ...

    async def rerank(
        self, principal: Principal, model: str, query: str, documents: Sequence[str], *, top_n: int | None = None
    ) -> Ranked:
        """Documents by nearness of meaning to a query."""
        ...

    async def tokenize(self, principal: Principal, model: str, text: str) -> Tokens: ...
    async def detokenize(self, principal: Principal, model: str, tokens: Sequence[int]) -> Tokens: ...
    async def moderate(self, principal: Principal, texts: Sequence[str], *, age_band: Band | None = None) -> Moderated:
        """What the education policy says of texts. age_band None: that of the caller."""
        ...

    async def keywords(self, principal: Principal, text: str, *, limit: int = 10) -> Keywords: ...
    async def sentiment(self, principal: Principal, text: str) -> Sentiment: ...

    async def embed(
        self,
        principal: Principal,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        truncate: Truncate | None = None,
        purpose: Purpose = "api",
    ) -> Embedded:
        """Unit vectors. truncate: of a text longer than the model reads; `none` raises ContextTooLong; None: `mean`."""
        ...

    async def summarize(
        self,
        principal: Principal,
        text: str,
        *,
        sentences: int = 3,
        language: Language | None = None,
        model: str | None = None,
        style: SummaryStyle = "sentences",
        age_band: Band | None = None,
    ) -> Summary:
        """The most central sentences, or a title; or the words of `model`, where its card claims it.

        age_band: checked as in a conversation, for this band or the caller's own, whichever protects more.
        """
        ...

    async def translate(
        self,
        principal: Principal,
        text: str,
        *,
        target: Language,
        source: Language | None = None,
        model: str | None = None,
        age_band: Band | None = None,
    ) -> Translation: ...
    async def classify(
        self,
        principal: Principal,
        text: str,
        labels: Sequence[str] = (),
        *,
        model: str | None = None,
        descriptions: Mapping[str, str] | None = None,
    ) -> Classified:
        """Nearest label in meaning; without labels, those that the version `model` was trained on."""
        ...

    def models(self, school_id: str = catalogue.SHARED) -> list[ModelStatus]:
        """What a school may call, each once, under the name people should use; SHARED: what the engine tells of what
        all schools share, by every name it was asked by."""
        ...

    def usage(self, principal: Principal) -> list[Allowance]:
        """Every quota that a call of this principal would be charged to."""
        ...

    def calls(self, principal: Principal, *, limit: int = 100, before: str | None = None) -> list[Call]:
        """Newest first: an administrator sees the school, everybody else their own."""
        ...

    def totals(self, principal: Principal, *, since: datetime) -> list[Total]: ...
    def set_limits(
        self,
        principal: Principal,
        scope: Scope,
        scope_id: str,
        *,
        tokens: int | None,
        requests: int | None,
        streams: int | None = None,
        period: Period = "day",
    ) -> Allowance:
        """Administrators only. None is unlimited. streams: calls running at once; period: of tokens and requests."""
        ...

    def limits(self, principal: Principal) -> Sequence[Allowance]:
        """Every allowance of the school that was set or used; administrators only."""
        ...

    def terms(self, principal: Principal) -> Terms:
        """What this school has set: prices, response cache, dates of the term."""
        ...

    def set_terms(self, principal: Principal, terms: Terms) -> None:
        """Administrators only. New term dates begin a new budget wherever one is counted by term."""
        ...

    def live(self, principal: Principal) -> Sequence[Moment]:
        """The last 15 minutes of their school in this process, oldest first; administrators only."""
        ...
