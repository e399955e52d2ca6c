"""deleted model versions."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("catalogue_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("deleted_by", sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column("deleted_why", sa.String(length=400), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("catalogue_version", schema=None) as batch_op:
        for name in ("deleted_why", "deleted_by", "deleted_at"):
            batch_op.drop_column(name)
