"""Back up and restore one installation as a single zip: tables as JSON lines, the keys, the artefacts of the home.

The format knows no dialect, so a school that outgrows SQLite restores its backup into PostgreSQL. Every
member's sha-256 stands in the manifest and is checked before anything is written. A restore goes only into
an empty database: nothing is overwritten. Rows and files pass through in pieces, so that memory stays small
however large a school has grown.
"""

import base64
import hashlib
import itertools
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, DateTime, LargeBinary, Table, func, select, text

from shuyuan.kernel import db, errors

FORMAT = 1
ROWS_A_TIME, PIECE_BYTES = 500, 2**20


@dataclass(frozen=True)
class Summary:
    """What a backup holds."""

    rows: int
    tables: int
    artefacts: int
    schema: str | None


def write(database: db.Database, home: Path, target: Path, *, schema: str | None) -> Summary:
    """Write `target` (mode 0600; it holds the master key). Raises Conflict if the file is there already."""
    if target.exists():
        raise errors.Conflict(f"{target} is there already", fix="name a new file")
    partial = target.with_name(target.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    manifest: dict[str, Any] = {"format": FORMAT, "schema": schema, "members": {}, "rows": {}}
    with os.fdopen(descriptor, "wb") as raw:
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive, database.read() as conn:
            for table in db.metadata.sorted_tables:
                manifest["rows"][table.name] = _dump(conn, table, archive, manifest)
            for name, path in _home_files(home):
                with path.open("rb") as file, _Member(archive, manifest, name) as member:
                    shutil.copyfileobj(file, member, PIECE_BYTES)
            archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        raw.flush()
        os.fsync(raw.fileno())
    partial.rename(target)
    return _summary(manifest)


def restore(database: db.Database, home: Path, source: Path, *, schema: str | None) -> Summary:
    """Read `source` into an empty, migrated database and an empty home.

    Raises BadInput for a damaged file or another schema, Conflict if anything is there already.
    """
    try:
        archive = zipfile.ZipFile(source)
        manifest = json.loads(archive.read("manifest.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as wrong:
        raise errors.BadInput(f"{source} is no Shuyuan backup: {wrong}", fix="choose a file `backup` wrote") from wrong
    with archive:
        _check(archive, manifest, source, schema)
        _refuse_if_filled(database, home)
        database.write(lambda uow: _load(uow.conn, archive))  # first: a load that fails must leave no key behind
        for name in manifest["members"]:
            if not name.startswith("tables/"):
                with archive.open(name) as member:
                    _place(home / name, member)
    return _summary(manifest)


class _Member:
    """A member of the archive as it is written; its sha-256 goes into the manifest at the end."""

    def __init__(self, archive: zipfile.ZipFile, manifest: dict[str, Any], name: str) -> None:
        self._manifest, self._name, self._hash = manifest, name, hashlib.sha256()
        self._out = archive.open(name, "w", force_zip64=True)

    def __enter__(self) -> "_Member":
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()
        self._manifest["members"][self._name] = self._hash.hexdigest()

    def write(self, piece: bytes) -> int:
        """Append."""
        self._hash.update(piece)
        return self._out.write(piece)


def _dump(conn: Connection, table: Table, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> int:
    """Write every row of a table as one JSON line each; returns how many."""
    count = 0
    with _Member(archive, manifest, f"tables/{table.name}.jsonl") as member:
        for rows in conn.execution_options(yield_per=ROWS_A_TIME).execute(select(table)).partitions():
            lines = [json.dumps({k: _plain(v) for k, v in row._mapping.items()}, ensure_ascii=False) for row in rows]
            member.write("".join(f"{line}\n" for line in lines).encode())
            count += len(lines)
    return count


def _load(conn: Connection, archive: zipfile.ZipFile) -> None:
    there = set(archive.namelist())
    for table in db.metadata.sorted_tables:
        name = f"tables/{table.name}.jsonl"
        if name not in there:
            continue
        with archive.open(name) as lines:
            rows = ({k: _typed(table, k, v) for k, v in json.loads(line).items()} for line in lines)
            while some := list(itertools.islice(rows, ROWS_A_TIME)):
                conn.execute(table.insert(), some)
        _advance_sequence(conn, table)


def _advance_sequence(conn: Connection, table: Table) -> None:
    """PostgreSQL counts on its own: tell it where the restored rows end."""
    column = table.autoincrement_column
    if conn.dialect.name == "postgresql" and column is not None and column.autoincrement is True:
        top = conn.execute(select(func.max(column))).scalar_one()
        if top is not None:
            conn.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, :column), :top)"),
                {"table": table.name, "column": column.name, "top": top},
            )


def _plain(value: Any) -> Any:  # Any: a column's Python value to JSON
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _typed(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if value is None:
        return None
    if isinstance(kind, DateTime | db.UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    return value


def _home_files(home: Path) -> Iterator[tuple[str, Path]]:
    for folder in ("keys", "artefacts"):
        for path in sorted((home / folder).rglob("*")):
            if path.is_file() and not path.name.endswith((".partial", ".anchor")):
                yield path.relative_to(home).as_posix(), path


def _check(archive: zipfile.ZipFile, manifest: dict[str, Any], source: Path, schema: str | None) -> None:
    if manifest.get("format") != FORMAT or manifest.get("schema") != schema:
        raise errors.BadInput(
            f"{source} was written at schema {manifest.get('schema')}, this installation is at {schema}",
            fix="restore with the version that wrote it, then upgrade",
        )
    for name, digest in manifest["members"].items():
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise errors.BadInput(f"{source} holds the path {name!r}", fix="choose a file `backup` wrote")
        try:
            with archive.open(name) as member:
                found = _digest(member)
        except (KeyError, zipfile.BadZipFile) as wrong:
            raise errors.BadInput(f"{source}: {name} is damaged", fix="use another backup") from wrong
        if found != digest:
            raise errors.BadInput(f"{source}: {name} is damaged", fix="use another backup")


def _refuse_if_filled(database: db.Database, home: Path) -> None:
    with database.read() as conn:
        for table in db.metadata.sorted_tables:
            if conn.execute(select(func.count()).select_from(table)).scalar_one():
                raise errors.Conflict(f"the database already holds rows in {table.name}", fix="restore into a new home")
    if (home / "keys" / "master.key").exists():
        raise errors.Conflict(f"{home} already has a master key", fix="restore into a new home")


def _digest(member: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := member.read(PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _place(path: Path, body: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        shutil.copyfileobj(body, out, PIECE_BYTES)


def _summary(manifest: dict[str, Any]) -> Summary:
    rows: dict[str, int] = manifest["rows"]
    artefacts = sum(name.startswith("artefacts/") for name in manifest["members"])
    return Summary(sum(rows.values()), len(rows), artefacts, manifest["schema"])
