"""early warning."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "insight_dismissal",
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("learner_id", "course_id", name=op.f("pk_insight_dismissal")),
    )
    with op.batch_alter_table("insight_dismissal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_insight_dismissal_school_id"), ["school_id"], unique=False)

    op.create_table(
        "insight_model",
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("trust", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("evidence", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_insight_model")),
    )


def downgrade() -> None:
    op.drop_table("insight_model")
    with op.batch_alter_table("insight_dismissal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_insight_dismissal_school_id"))

    op.drop_table("insight_dismissal")
