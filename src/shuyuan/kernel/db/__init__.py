"""The database: one metadata, snapshot reads, and one writer that commits many units of work together.

`Database.read()` gives a connection on a consistent snapshot. `Database.write(fn)` runs `fn(uow)` on the
writer's thread inside a transaction that other waiting units share (group commit); it returns only when
the unit is durable. A unit therefore cannot stay open across a model call: it is a plain function.
"""

from shuyuan.kernel.db.engine import Database, open_database
from shuyuan.kernel.db.numbering import next_number, stand_in_line
from shuyuan.kernel.db.prepared import Prepared
from shuyuan.kernel.db.tables import Json, UtcDateTime, id_column, metadata, school_column
from shuyuan.kernel.db.writer import UnitOfWork

__all__ = [
    "Database",
    "Json",
    "Prepared",
    "UnitOfWork",
    "UtcDateTime",
    "id_column",
    "metadata",
    "next_number",
    "open_database",
    "school_column",
    "stand_in_line",
]
