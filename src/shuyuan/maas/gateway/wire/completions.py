"""`/v1/completions`: text to go on from, without roles. The legacy shape; `echo` and `suffix` are refused."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.wire import base, refusals
from shuyuan.maas.gateway.wire.chat import StreamOptions

_NEUTRAL: base.Neutral = {
    "echo": (False,),
    "suffix": ("",),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
}
_MOST_LOGPROBS = 5


class CompletionBody(base.Body):
    """`POST /v1/completions`."""

    model: base.ModelName
    prompt: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        BeforeValidator(base.as_list),
        Field(min_length=1, max_length=interface.MAX_CHOICES),
    ]
    stream: base.Switch = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: base.Stops | None = None
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    n: int | None = Field(None, ge=1, le=interface.MAX_CHOICES)
    best_of: int | None = Field(None, ge=1, le=interface.MAX_CHOICES)
    logprobs: int | None = Field(None, ge=0, le=_MOST_LOGPROBS)
    age_band: interface.Band | None = None

    @model_validator(mode="before")
    @classmethod
    def _neutral(cls, value: object) -> object:
        return base.drop_neutral(value, _NEUTRAL) if isinstance(value, dict) else value

    @property
    def choices(self) -> int:
        """Answers altogether."""
        return len(self.prompt) * (self.n or 1)

    def as_request(self, age_band: interface.Band | None = None) -> interface.CompletionRequest:
        """What the gateway is asked. Raises Refused for fields that do not go together."""
        if self.best_of not in (None, self.n or 1):
            raise refusals.Refused(
                f"best_of is {self.best_of}: other than n={self.n or 1} it is not supported",
                param="best_of",
                fix="leave it out",
            )
        base.require(self.stream_options, "stream_options", self.stream, 'goes only with "stream": true')
        if self.choices > interface.MAX_CHOICES:
            raise refusals.Refused(
                f"{len(self.prompt)} prompts times n={self.n} are {self.choices} answers",
                param="n",
                fix=f"ask for at most {interface.MAX_CHOICES} at once",
            )
        return interface.CompletionRequest(
            self.model,
            self.prompt,
            max_tokens=self.max_tokens or 16,  # OpenAI's default
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            stop=tuple(self.stop or ()),
            seed=self.seed,
            n=self.n or 1,
            logprobs=self.logprobs,
            age_band=age_band,
        )


class CompletionChoices:
    """The answer in the legacy shape: `whole` once every delta was added, or an `event` per delta."""

    def __init__(self, receipt: interface.Receipt, body: CompletionBody) -> None:
        self._id, self._model = f"cmpl-{receipt.request_id}", receipt.model
        self._texts, self._finish = [""] * body.choices, ["stop"] * body.choices
        self._logprobs: list[list[Mapping[str, object]]] = [[] for _ in range(body.choices)]
        self._with_logprobs = body.logprobs is not None
        self._with_usage = bool(body.stream_options and body.stream_options.include_usage)
        self._usage = interface.Usage(0)

    def add(self, delta: interface.Delta) -> None:
        """One more piece of a whole answer."""
        self._usage = delta.usage or self._usage
        self._logprobs[delta.index].extend(delta.logprobs)
        self._texts[delta.index] += delta.text
        self._finish[delta.index] = delta.finish_reason or self._finish[delta.index]

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        choices = [
            self._choice(index, self._texts[index], self._logprobs[index], 0, self._finish[index])
            for index in range(len(self._texts))
        ]
        return base.head(self._id, "text_completion", self._model) | {
            "choices": choices,
            "usage": base.usage(self._usage),
        }

    def opening(self) -> bytes:
        """Nothing is told before text."""
        return b""

    def event(self, delta: interface.Delta) -> bytes:
        """One piece of a stream; empty when there is nothing to tell."""
        self._usage = delta.usage or self._usage
        if not (delta.text or delta.logprobs or delta.finish_reason):
            return b""
        before = len(self._texts[delta.index])
        self._texts[delta.index] += delta.text
        body = base.head(self._id, "text_completion", self._model)
        body["choices"] = [self._choice(delta.index, delta.text, delta.logprobs, before, delta.finish_reason)]
        if self._with_usage:
            body["usage"] = None
        return base.event(body)

    def closing(self) -> bytes:
        """Usage, where it was asked for, and the end."""
        if not self._with_usage:
            return base.DONE
        head = base.head(self._id, "text_completion", self._model)
        return base.event(head | {"choices": [], "usage": base.usage(self._usage)}) + base.DONE

    def _choice(
        self,
        index: int,
        text: str,
        logprobs: Any,
        before: int,
        finish: str | None,  # Any: JSON
    ) -> dict[str, Any]:
        told = _legacy(logprobs, before) if self._with_logprobs and (logprobs or finish is None or not before) else None
        return {"index": index, "text": text, "logprobs": told, "finish_reason": finish}


def _legacy(tokens: list[Mapping[str, Any]], offset: int) -> dict[str, Any]:
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(str(token.get("token", "")))
    return {
        "tokens": [token.get("token") for token in tokens],
        "token_logprobs": [token.get("logprob") for token in tokens],
        "top_logprobs": [
            {top.get("token"): top.get("logprob") for top in token.get("top_logprobs") or []} for token in tokens
        ],
        "text_offset": offsets,
    }
