"""token counts of 64 bits: those of a busy term do not fit into 32. SQLite's integers always had 64."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COUNTS = (
    ("gateway_quota", "tokens_limit", True),
    ("gateway_quota", "tokens_used", False),
    ("gateway_quota", "tokens_reserved", False),
    ("gateway_ledger", "tokens_reserved", False),
    ("gateway_ledger", "prompt_tokens", False),
    ("gateway_ledger", "completion_tokens", False),
)


def upgrade() -> None:
    _change(sa.Integer(), sa.BigInteger())


def downgrade() -> None:
    _change(sa.BigInteger(), sa.Integer())


def _change(before: sa.Integer, after: sa.Integer) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column, nullable in _COUNTS:
        op.alter_column(table, column, existing_type=before, type_=after, existing_nullable=nullable)
