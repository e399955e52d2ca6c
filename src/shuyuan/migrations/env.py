"""Alembic's entry: works on the connection it is handed."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from sqlalchemy import LargeBinary

from shuyuan.kernel import crypto, db


def _render(kind: str, thing: Any, _autogen: object) -> str | Literal[False]:  # Any: types, defaults
    """Write our column types as what the database stores, so that old versions never import our code."""
    if kind == "type" and isinstance(thing, db.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, crypto.EncryptedText | LargeBinary):
        return "sa.LargeBinary()"
    if kind == "type" and isinstance(thing, sa.JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=db.metadata,
    render_as_batch=True,
    render_item=_render,
    compare_type=False,
)
context.run_migrations()
