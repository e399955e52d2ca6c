"""versions carry a spec."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    with op.batch_alter_table("catalogue_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("spec", json, server_default="{}", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("catalogue_version", schema=None) as batch_op:
        batch_op.drop_column("spec")
