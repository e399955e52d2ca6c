"""What a brought model says about itself: runner, tasks, spec, card. Small, plain, and known words only."""

import json
from collections.abc import Mapping, Sequence
from typing import get_args

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface
from shuyuan.science.features import told

_MAX_SPEC_BYTES, _MAX_CARD_CHARS = 64 << 10, 4000
MAX_REASON_CHARS = 400
_MAX_LABELS, _MAX_LABEL_CHARS, _MAX_SIDE = 10_000, 200, 4096
_TASKS: Mapping[str, tuple[str, ...]] = {
    "llama": ("chat", "complete"),
    "embed": ("embed", "classify", "rerank"),
    "remote": ("chat", "complete", "embed"),
    "espeak": ("speak",),
}
_CONTEXT_TOKENS: Mapping[str, int] = {"llama": 2048, "embed": 512, "remote": 8192}


def context_of(runner: str, given: int) -> int:
    """Tokens read at once: as given, else what is safe for this runner; 0 where there are no tokens.

    >>> context_of("llama", 0)
    2048
    """
    return given or _CONTEXT_TOKENS.get(runner, 0)


def tasks_of(runner: str, given: Sequence[str], spec: Mapping[str, object]) -> tuple[str, ...]:
    """The tasks named, else those that this runner and spec can do. Raises BadInput for an unknown one."""
    known = get_args(interface.Task)
    for task in given:
        if task not in known:
            raise errors.BadInput(f"task {task!r} is unknown", fix=f"use some of {', '.join(known)}")
    if given:
        return tuple(dict.fromkeys(given))
    seeing = ("detect",) if "detector" in spec else ("image_classify",) if {"image", "labels"} <= spec.keys() else ()
    return _TASKS.get(runner, ("predict", *seeing))


def check_runner(runner: str) -> None:
    """Raise BadInput unless this installation has the runner."""
    if runner not in interface.runner_kinds():
        raise errors.BadInput(f"runner {runner!r} is unknown", fix=f"use one of {', '.join(interface.runner_kinds())}")


def check_reason(what: str, reason: str) -> None:
    """Raise BadInput unless somebody says why a name shall stand for a version. `what`: as the caller wrote it."""
    if not reason.strip():
        raise errors.BadInput(
            f"{what} came without a reason",
            fix=f'add reason: why this version shall be served, such as "reads 7s better"; up to {MAX_REASON_CHARS} '
            "characters, it stays in the history with your name",
        )
    _written(reason)


def check_spec(spec: Mapping[str, object]) -> None:
    """Raise BadInput unless the spec is small JSON whose labels and image make sense. The runner reads the rest."""
    written = _written(dict(spec))
    if len(written) > _MAX_SPEC_BYTES:
        raise _bad_spec(f"the spec has {len(written)} bytes", f"give at most {_MAX_SPEC_BYTES}")
    if "labels" in spec:
        _check_labels(spec["labels"])
    if "image" in spec:
        _check_image(spec["image"])
    try:
        told.check(spec)
    except ValueError as wrong:
        raise _bad_spec(f"what the spec tells of texts cannot be read: {wrong}", "write it as training does") from wrong


def check_card(card: interface.LocalText) -> None:
    """Raise BadInput unless both texts can be stored and are not a book."""
    for text in (card.zh, card.en):
        _written(text)
        if len(text) > _MAX_CARD_CHARS:
            raise errors.BadInput(f"a card has {len(text)} characters", fix=f"give at most {_MAX_CARD_CHARS}")


def _written(value: object) -> bytes:
    """As the database will hold it. Raises BadInput for what is not JSON or what no database stores."""
    try:
        written = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as wrong:
        raise _bad_spec(f"this is not JSON: {wrong!s:.200}", "give a JSON object") from wrong
    if rb"\u0000" in written:
        raise _bad_spec("a text holds the character NUL", "leave it out")
    return written


def _check_labels(labels: object) -> None:
    if not isinstance(labels, list) or not 0 < len(labels) <= _MAX_LABELS:
        raise _bad_spec("labels is not a list of names", f"give 1 to {_MAX_LABELS}, in the order of the outputs")
    for label in labels:
        if not isinstance(label, str) or not label.strip() or len(label) > _MAX_LABEL_CHARS:
            raise _bad_spec(f"label {label!r:.80} is no name", f"give 1 to {_MAX_LABEL_CHARS} characters")
    if len(set(labels)) != len(labels):
        raise _bad_spec("a label is there twice", "give each output its own name")


def _check_image(image: object) -> None:
    match image:
        case {"size": [int(height), int(width)], **rest} if 0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE:
            if rest.get("channels", 3) in (1, 3) and rest.get("layout", "nchw") in ("nchw", "nhwc"):
                return
    raise _bad_spec(
        "image does not say how a picture is given",
        f'use {{"size": [height, width], "channels": 1 or 3, "layout": "nchw"}}, sides up to {_MAX_SIDE}',
    )


def _bad_spec(what: str, fix: str) -> errors.BadInput:
    return errors.BadInput(what, fix=fix, code="bad_spec")
