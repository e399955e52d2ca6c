"""allowances of a term, calls at once, cost."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("gateway_ledger", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cost_micros", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("gateway_quota", schema=None) as batch_op:
        batch_op.add_column(sa.Column("window_end", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("streams_limit", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("streams_held", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("gateway_quota", schema=None) as batch_op:
        batch_op.drop_column("streams_held")
        batch_op.drop_column("streams_limit")
        batch_op.drop_column("window_end")
    with op.batch_alter_table("gateway_ledger", schema=None) as batch_op:
        batch_op.drop_column("cost_micros")
