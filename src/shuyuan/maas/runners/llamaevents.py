"""What llama.cpp's server says while it generates, as chunks."""

from collections.abc import Mapping

from shuyuan.maas.runners import interface

Event = Mapping[str, object]
MOST_TOKENS = 2**31 - 1  # of one call: what the books can hold; more is nonsense


def raise_if_error(event: Event) -> None:
    """Raises ContextTooLong or BadPayload when the event is an error."""
    error = event.get("error")
    if not isinstance(error, Mapping):
        return
    message = str(error.get("message"))
    if error.get("type") == "exceed_context_size_error":
        raise interface.ContextTooLong(
            _too_long(error, message), fix="shorten the text, or send fewer earlier messages"
        )
    raise interface.BadPayload(message, fix="mend the request")


def _too_long(error: Event, message: str) -> str:
    """In our words where the numbers are told: llama.cpp's advise what its callers cannot do."""
    sent, read = error.get("n_prompt_tokens"), error.get("n_ctx")
    return f"the prompt has {sent} tokens, this model reads {read}" if sent and read else message


def count(event: Event, known: interface.Usage) -> interface.Usage:
    """The count so far."""
    if isinstance(usage := event.get("usage"), Mapping):
        return interface.Usage(tokens(usage["prompt_tokens"]), tokens(usage["completion_tokens"]))
    if isinstance(timings := event.get("timings"), Mapping):
        prompt = tokens(timings["cache_n"] + timings["prompt_n"])
        return interface.Usage(prompt, tokens(timings["predicted_n"]))
    if isinstance(progress := event.get("prompt_progress"), Mapping):
        return interface.Usage(tokens(progress["total"]), known.completion_tokens)
    return known


def tokens(said: object) -> int:
    """A number of tokens as a server told it, brought between 0 and MOST_TOKENS. Raises TypeError, ValueError."""
    if not isinstance(said, int | float):
        raise TypeError(f"{str(said)[:40]!r} is no number of tokens")
    return int(min(max(said, 0), MOST_TOKENS))


def read(event: Event) -> tuple[str, dict[str, object], interface.FinishReason | None]:
    """Text, data and reason of an event; the last event of a stream has no choice."""
    choices = event.get("choices")
    if not isinstance(choices, list) or not choices:
        return "", {}, None
    choice = choices[0]
    delta = choice.get("delta") or {}
    data: dict[str, object] = {}
    if logprobs := choice.get("logprobs"):
        data["logprobs"] = [_token(found) for found in logprobs.get("content") or ()]
    if calls := delta.get("tool_calls"):
        data["tool_calls"] = calls
    if thought := delta.get("reasoning_content"):
        data["reasoning"] = thought
    reason = choice.get("finish_reason")
    text = choice.get("text") or delta.get("content") or ""
    return text, data, None if reason is None else "length" if reason == "length" else "stop"


def _token(found: Mapping[str, object]) -> dict[str, object]:
    """OpenAI's shape, without llama.cpp's own fields."""
    top = found.get("top_logprobs")
    kept = {name: found.get(name) for name in ("token", "logprob", "bytes")}
    return kept | ({"top_logprobs": [_token(other) for other in top]} if isinstance(top, list) else {})
