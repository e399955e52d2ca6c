"""xAPI statements (a JSON array, `{"statements": […]}`, or one a line) as rows. Nobody's name or address is kept.

An actor becomes a pseudonym: a keyed hash of what identifies them, the same in every import of a school.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import polars as pl

from shuyuan.maas.datasets import findings, interface
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.reading import lines
from shuyuan.science.features import pseudonyms

_BLOCK_CHARS = 1 << 20
_SPACE = " \t\r\n,"
SCHEMA = {
    "actor": pl.String,
    "verb": pl.String,
    "object": pl.String,
    "success": pl.Boolean,
    "score": pl.Float64,
    "time": pl.String,
}


def read(
    path: Path, told: interface.NewDataSet, bounds: Bounds, work_dir: Path, key: bytes
) -> tuple[pl.DataFrame, list[interface.Finding]]:
    """See Reader.read."""
    if not key:
        raise interface.BadData("there is no key for pseudonyms", fix="import through the platform")
    plain = work_dir / "plain.json"
    lines.plain(path, plain, bounds, told.encoding, lines=False)
    with plain.open(encoding="utf-8") as text:
        rows = [row(statement, number, key) for number, statement in enumerate(statements(text, bounds), start=1)]
    plain.unlink()
    if not rows:
        raise interface.EmptyData("the file has no statements", fix="export some")
    frame = pl.DataFrame(rows, schema=SCHEMA)
    actors = frame["actor"].n_unique()
    said = findings.found("pseudonyms", None, column="actor", count=actors, action="replaced")
    return frame, [findings.found("read", ("read", {"format": "xapi"}), count=frame.height, action="read"), said]


def statements(text: IO[str], bounds: Bounds) -> Iterator[dict[str, Any]]:  # Any: JSON
    """Statements one by one, whichever way they are wrapped. Raises BadData, LineTooLong."""
    decoder, buffer, number = json.JSONDecoder(), "", 0
    wrapped = False
    while True:
        block = text.read(_BLOCK_CHARS)
        buffer += block
        if not number and not wrapped:
            buffer, wrapped = _unwrapped(buffer)
        at = 0
        while True:
            while at < len(buffer) and buffer[at] in _SPACE:
                at += 1
            if at >= len(buffer) or (wrapped and buffer[at] == "]"):
                break
            try:
                said, end = decoder.raw_decode(buffer, at)
            except (ValueError, RecursionError) as wrong:
                if not block or isinstance(wrong, RecursionError):
                    raise interface.BadData(
                        f"statement {number + 1} is not JSON: {wrong}", fix="export the statements again"
                    ) from wrong
                break
            number, at = number + 1, end
            if not isinstance(said, dict):
                raise interface.BadData(f"statement {number} is no JSON object", fix="export the statements again")
            yield said
        if not block or (wrapped and at < len(buffer) and buffer[at] == "]"):
            return
        buffer = buffer[at:]
        if len(buffer) > bounds.max_line_bytes:
            raise interface.LineTooLong(
                f"statement {number + 1} has more than {bounds.max_line_bytes:,} characters", fix="check the export"
            )


def row(said: dict[str, Any], number: int, key: bytes) -> dict[str, Any]:  # Any: JSON
    """One statement as a row. Raises BadData naming the statement."""
    result = _inner(said, "result")
    time = said.get("timestamp", said.get("stored"))
    return {
        "actor": pseudonym(_part(said, "actor", number), number, key),
        "verb": str(_part(said, "verb", number).get("id", "")).rstrip("/").rsplit("/", 1)[-1],
        "object": str(_part(said, "object", number).get("id", "")),
        "success": result["success"] if isinstance(result.get("success"), bool) else None,
        "score": _score(_inner(result, "score")),
        "time": time if isinstance(time, str) else None,
    }


def pseudonym(actor: dict[str, Any], number: int, key: bytes) -> str:
    """What stands for an actor. Raises BadData when nothing identifies them."""
    account = actor.get("account")
    if isinstance(account, dict) and account.get("name"):
        return pseudonyms.MARK + pseudonyms.keyed(key, "account", f"{account.get('homePage', '')}\0{account['name']}")
    known = next((name for name in ("mbox", "mbox_sha1sum", "openid") if actor.get(name)), None)
    if known is None:
        raise interface.BadData(f"statement {number} does not say who its actor is", fix="export with account or mbox")
    return pseudonyms.MARK + pseudonyms.keyed(key, known, str(actor[known]))


def _unwrapped(buffer: str) -> tuple[str, bool]:
    """Without what comes before the first statement of an array."""
    start = buffer.lstrip()
    if start.startswith("["):
        return start[1:], True
    if start.startswith("{"):
        name, _, rest = start[1:].lstrip().partition(":")
        if name.strip() == '"statements"' and rest.lstrip().startswith("["):
            return rest.lstrip()[1:], True
    return buffer, False


def _inner(said: dict[str, Any], name: str) -> dict[str, Any]:
    inner = said.get(name)
    return inner if isinstance(inner, dict) else {}


def _part(said: dict[str, Any], name: str, number: int) -> dict[str, Any]:
    part = said.get(name)
    if not isinstance(part, dict):
        raise interface.BadData(
            f"statement {number} has no {name}", fix="export whole statements (actor, verb, object)"
        )
    return part


def _score(score: dict[str, Any]) -> float | None:
    """Scaled, or raw as a share of its range."""
    if isinstance(score.get("scaled"), int | float):
        return float(score["scaled"])
    raw, low, high = score.get("raw"), score.get("min", 0), score.get("max")
    if not isinstance(raw, int | float):
        return None
    if isinstance(high, int | float) and isinstance(low, int | float) and high > low:
        return (raw - low) / (high - low)
    return float(raw)
