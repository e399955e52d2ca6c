"""The OpenAI shapes, and ours in the same manner: what `/v1` reads and writes. Pure; knows no service.

What a client asks for and we cannot do is refused by name, never ignored; neutral values pass.
"""

from shuyuan.maas.gateway.wire.base import (
    DONE,
    MODEL_NAME_CHARS,
    Body,
    ModelName,
    Switch,
    Text,
    error_body,
    event,
    parse,
)
from shuyuan.maas.gateway.wire.chat import ChatBody
from shuyuan.maas.gateway.wire.choices import ChatChoices
from shuyuan.maas.gateway.wire.completions import CompletionBody, CompletionChoices
from shuyuan.maas.gateway.wire.moderation import ModerationBody, moderation
from shuyuan.maas.gateway.wire.refusals import Refused, refusal
from shuyuan.maas.gateway.wire.services import (
    ClassifyBody,
    KeywordsBody,
    PredictBody,
    SentimentBody,
    SummarizeBody,
    TranslateBody,
)
from shuyuan.maas.gateway.wire.tokens import DetokenizeBody, TokenizeBody
from shuyuan.maas.gateway.wire.vectors import EmbedBody, RerankBody, embeddings, ranking

__all__ = [
    "DONE",
    "MODEL_NAME_CHARS",
    "Body",
    "ChatBody",
    "ChatChoices",
    "ClassifyBody",
    "CompletionBody",
    "CompletionChoices",
    "DetokenizeBody",
    "EmbedBody",
    "KeywordsBody",
    "ModelName",
    "ModerationBody",
    "PredictBody",
    "Refused",
    "RerankBody",
    "SentimentBody",
    "SummarizeBody",
    "Switch",
    "Text",
    "TokenizeBody",
    "TranslateBody",
    "embeddings",
    "error_body",
    "event",
    "moderation",
    "parse",
    "ranking",
    "refusal",
]
