"""`/v1/embeddings` (OpenAI's shape) and `/v1/rerank` (that of Cohere and Jina)."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.wire import base

_QUERY_CHARS = 4_000


def _truncate(value: object) -> object:
    """Yes and no, as some clients say it; Cohere's clients shout."""
    if isinstance(value, bool):
        return "end" if value else "none"
    return value.lower() if isinstance(value, str) else value


class EmbedBody(base.Body):
    """`POST /v1/embeddings`. Ours: `input_type`, what the texts are for; `truncate`, what becomes of a long one."""

    model: base.ModelName
    input: Annotated[list[str], BeforeValidator(base.as_list)] = Field(min_length=1, max_length=interface.MAX_INPUTS)
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    input_type: Literal["query", "passage"] = "passage"
    truncate: Annotated[interface.Truncate, BeforeValidator(_truncate)] = "none"
    user: str | None = None


def _document_text(value: object) -> object:
    if isinstance(value, dict):
        if set(value) != {"text"}:
            raise ValueError("a document is a text, or an object with `text` alone")
        return value["text"]
    return value


class RerankBody(base.Body):
    """`POST /v1/rerank`. Documents are texts, or objects with `text`."""

    model: base.ModelName
    query: Annotated[str, Field(min_length=1, max_length=_QUERY_CHARS)]
    documents: list[Annotated[str, BeforeValidator(_document_text), Field(min_length=1)]] = Field(
        min_length=1, max_length=interface.MAX_DOCUMENTS
    )
    top_n: int | None = Field(None, ge=1)
    return_documents: base.Switch | None = None
    user: str | None = None


def embeddings(answer: interface.Embedded, encoding: str) -> dict[str, Any]:
    """Vectors as numbers or as base64 of little-endian float32."""
    rows = [
        base64.b64encode(row.astype("<f4").tobytes()).decode() if encoding == "base64" else row.tolist()
        for row in answer.vectors
    ]
    return {
        "object": "list",
        "model": answer.receipt.model,
        "data": [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)],
        "usage": {"prompt_tokens": answer.usage.prompt_tokens, "total_tokens": answer.usage.prompt_tokens},
    }


def ranking(answer: interface.Ranked, documents: Sequence[str] | None) -> dict[str, Any]:
    """Positions with scores, best first. documents: told beside them, unless None."""
    results = []
    for index, score in answer.order:
        result: dict[str, Any] = {"index": index, "relevance_score": round(score, 6)}
        results.append(result | ({"document": {"text": documents[index]}} if documents is not None else {}))
    return {
        "id": answer.receipt.request_id,
        "object": "list",
        "model": answer.receipt.model,
        "results": results,
        "usage": {"prompt_tokens": answer.usage.prompt_tokens, "total_tokens": answer.usage.prompt_tokens},
        "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": answer.usage.prompt_tokens}},
    }
