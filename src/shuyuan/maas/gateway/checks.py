"""Caps of one request, checked before anything is reserved."""

from collections.abc import Sequence

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway import interface


def messages(sent: Sequence[interface.Message]) -> None:
    """Raise TooMuch unless there are a sensible number of messages of a sensible length."""
    if not 1 <= len(sent) <= interface.MAX_MESSAGES:
        raise interface.TooMuch(
            f"{len(sent)} messages; between 1 and {interface.MAX_MESSAGES} are read", fix="send fewer, the newest last"
        )
    _characters(sum(len(message["content"]) for message in sent))


def inputs(texts: Sequence[str]) -> None:
    """Raise TooMuch or BadInput unless every text is there and all together are not too long."""
    if not 1 <= len(texts) <= interface.MAX_INPUTS:
        raise interface.TooMuch(
            f"{len(texts)} inputs; between 1 and {interface.MAX_INPUTS} are read",
            fix="split them over several requests",
        )
    if blank := [number for number, text in enumerate(texts) if not text.strip()]:
        raise errors.BadInput(f"input {blank[0]} is {texts[blank[0]][:20]!r}: it is empty", fix="send text in each")
    _characters(sum(len(text) for text in texts))


def together(texts: Sequence[str]) -> None:
    """Raise TooMuch when texts, which may be empty, are too long together."""
    _characters(sum(len(text) for text in texts))


def documents(query: str, texts: Sequence[str]) -> None:
    """Raise TooMuch or BadInput unless there is a query and a sensible number of documents to rank."""
    if not 1 <= len(texts) <= interface.MAX_DOCUMENTS:
        raise interface.TooMuch(
            f"{len(texts)} documents; between 1 and {interface.MAX_DOCUMENTS} are ranked", fix="send fewer"
        )
    if not query.strip() or not all(text.strip() for text in texts):
        raise errors.BadInput("the query or a document is empty", fix="send text in each")
    _characters(len(query) + sum(len(text) for text in texts))


def choices(n: int, logprobs: int | None) -> None:
    """Raise TooMuch for more answers or likely tokens than are given at once."""
    if not 1 <= n <= interface.MAX_CHOICES:
        raise interface.TooMuch(
            f"{n} answers; between 1 and {interface.MAX_CHOICES} are given", fix="ask for fewer", param="n"
        )
    if logprobs is not None and not 0 <= logprobs <= interface.MAX_TOP_LOGPROBS:
        raise interface.TooMuch(
            f"{logprobs} likely tokens; at most {interface.MAX_TOP_LOGPROBS}", fix="ask for fewer", param="top_logprobs"
        )


def unheld(logprobs: int | None, band: interface.Band | None) -> None:
    """Raise TooMuch for likely tokens where text is held back until it was judged: they would tell it before."""
    if logprobs is not None and band in ("child", "teen"):
        raise interface.TooMuch(
            f"logprobs are not given to the age band {band!r}: they tell text that was not checked",
            fix="leave logprobs out",
            code="unsupported_parameter",
            param="logprobs",
        )


def truncation(asked: interface.Truncate | None, model: catalogue.Loadable) -> None:
    """Raise TooMuch where a text is to be shortened by a model that is elsewhere: its server decides."""
    if asked in ("end", "mean") and model.runner == "remote":
        raise interface.TooMuch(
            f"truncate is {asked!r}: {model.name!r} runs elsewhere and decides itself",
            fix="leave it out",
            code="unsupported_parameter",
            param="truncate",
        )


def _characters(total: int) -> None:
    if total > interface.MAX_CHARS:
        raise interface.TooMuch(f"{total} characters; at most {interface.MAX_CHARS} are read", fix="send less text")
