"""Caps of one request, checked before anything is reserved."""

from collections.abc import Sequence

from shuyuan.kernel import errors
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
    if not all(text.strip() for text in texts):
        raise errors.BadInput("an input is empty", fix="send text in every input")
    _characters(sum(len(text) for text in texts))


def _characters(total: int) -> None:
    if total > interface.MAX_CHARS:
        raise interface.TooMuch(f"{total} characters; at most {interface.MAX_CHARS} are read", fix="send less text")
