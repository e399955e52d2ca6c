"""What a batch reads and leaves: the lines of its file that have no answer yet, its output file and its error file."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import crypto, db, errors, ids, log
from shuyuan.maas.gateway.batch import files, jobstore, jsonl

ANSWER_FIELD = "gateway_batch_line.answer"
_PAGE = 500
_logger = log.get("gateway.batches")


class Results:
    """Reads the input, writes the two files; knows neither loop nor turn."""

    def __init__(self, db: db.Database, vault: crypto.Vault, files: files.Files) -> None:
        self._db, self._vault, self._files = db, vault, files

    def unanswered_of_chunk(self, row: Row[Any], owner: Principal, first: int) -> list[tuple[int, bytes]]:
        """The lines of a chunk that have no answer yet, with their numbers."""
        source = self._files.get(owner, row.input_file_id)
        at = (first - 1) // jsonl.CHUNK_LINES
        end = source.offsets[at + 1] if at + 1 < len(source.offsets) else source.size_bytes
        raw = self._files.read(owner, row.input_file_id, source.offsets[at], end)
        begins = at * jsonl.CHUNK_LINES + 1
        with self._db.read() as conn:
            done = jobstore.answered(conn, row.id, begins, begins + jsonl.CHUNK_LINES - 1)
        numbered = enumerate(raw.split(b"\n"), begins)
        return [(number, line) for number, line in numbered if line.strip() and number not in done]

    def write(self, row: Row[Any], owner: Principal, unasked: Mapping[str, str] | None) -> None:
        """Keep both files, as far as they have lines. unasked: what the second says of lines without an answer."""
        name, bad = f"batch_{row.id}", self._answers(row, ok=False)
        failures = _and_unasked(bad, self._unanswered(row, owner), unasked) if unasked else bad
        for file_id, kind, content in (
            (row.output_file_id, "output", self._answers(row, ok=True)),
            (row.error_file_id, "error", failures),
        ):
            if first := next(content, None):
                whole = _chain(first, content)
                self._files.keep(owner, file_id, f"{name}_{kind}.jsonl", "batch_output", whole, bounded=False)

    def _answers(self, row: Row[Any], *, ok: bool) -> Iterator[bytes]:
        after = 0
        while True:
            with self._db.read() as conn:
                page = jobstore.lines(conn, row.id, ok=ok, after=after, limit=_PAGE)
                told = [self._vault.open(conn, row.account_id, ANSWER_FIELD, line.answer) for line in page]
            if not page:
                return
            after = page[-1].number
            yield "".join(line + "\n" for line in told).encode()

    def _unanswered(self, row: Row[Any], owner: Principal) -> Iterator[jsonl.Request]:
        """Requests that nobody answered, as far as the input file still says: its loss must not delay the end."""
        try:
            for first in range(1, row.total + 1, jsonl.CHUNK_LINES):
                for number, raw in self.unanswered_of_chunk(row, owner, first):
                    yield jsonl.read(raw, number)
        except (errors.NotFound, errors.Conflict, jsonl.BadLine) as lost:
            _logger.warning("batch_input_lost", batch=row.id, error=lost.message)


def _and_unasked(
    bad: Iterator[bytes], unanswered: Iterator[jsonl.Request], error: Mapping[str, str]
) -> Iterator[bytes]:
    yield from bad
    for request in unanswered:
        told = {"id": f"batch_req_{ids.new_id()}", "custom_id": request.custom_id, "response": None, "error": error}
        yield json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
