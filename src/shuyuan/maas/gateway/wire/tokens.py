"""`/v1/tokenize` and `/v1/detokenize`, in vLLM's shape."""

from typing import Annotated, Literal

from pydantic import Field

from shuyuan.maas.gateway.wire import base

MAX_TOKENS = 100_000


class TokenizeBody(base.Body):
    """`POST /v1/tokenize`."""

    model: base.ModelName
    prompt: base.Text
    add_special_tokens: Literal[False] = False
    return_token_strs: Literal[False] | None = None


class DetokenizeBody(base.Body):
    """`POST /v1/detokenize`."""

    model: base.ModelName
    tokens: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(min_length=1, max_length=MAX_TOKENS)
