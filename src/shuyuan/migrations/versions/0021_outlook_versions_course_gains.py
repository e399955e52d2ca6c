"""outlook models are versions of the catalogue, gains of courses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recommendation_course_gains",
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("course_id", sa.String(length=120), nullable=False),
        sa.Column("gain", sa.Float(), nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.Column("learners", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "course_id", name=op.f("pk_recommendation_course_gains")),
    )
    op.drop_table("recommendation_model")  # a new version is fitted at the next turn


def downgrade() -> None:
    op.create_table(
        "recommendation_model",
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("arrays", sa.LargeBinary(), nullable=False),
        sa.Column("learners", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_recommendation_model")),
    )
    op.drop_table("recommendation_course_gains")
