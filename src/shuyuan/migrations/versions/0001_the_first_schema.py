"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assessment_assigned",
        sa.Column("assignment_id", sa.String(length=26), nullable=False),
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("item_ids", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("assignment_id", "learner_id", name=op.f("pk_assessment_assigned")),
    )
    with op.batch_alter_table("assessment_assigned", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assessment_assigned_learner_id"), ["learner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assessment_assigned_school_id"), ["school_id"], unique=False)

    op.create_table(
        "assessment_assignment",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("class_id", sa.String(length=26), nullable=False),
        sa.Column("teacher_id", sa.String(length=26), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("point_id", sa.String(length=160), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_assignment")),
    )
    with op.batch_alter_table("assessment_assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assessment_assignment_class_id"), ["class_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assessment_assignment_school_id"), ["school_id"], unique=False)

    op.create_table(
        "assessment_attempt",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("point_id", sa.String(length=160), nullable=True),
        sa.Column("assignment_id", sa.String(length=26), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_attempt")),
    )
    with op.batch_alter_table("assessment_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_assessment_attempt_of_learner", ["learner_id", "closed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_assessment_attempt_school_id"), ["school_id"], unique=False)

    op.create_table(
        "assessment_paper",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("class_id", sa.String(length=26), nullable=False),
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("teacher_id", sa.String(length=26), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("point_id", sa.String(length=160), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("questions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_paper")),
        sa.UniqueConstraint("school_id", "code", name=op.f("uq_assessment_paper_school_id_code")),
    )
    with op.batch_alter_table("assessment_paper", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assessment_paper_learner_id"), ["learner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assessment_paper_school_id"), ["school_id"], unique=False)

    op.create_table(
        "assessment_slot",
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("item_id", sa.String(length=160), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("hints_used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", "item_id", name=op.f("pk_assessment_slot")),
    )
    with op.batch_alter_table("assessment_slot", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assessment_slot_school_id"), ["school_id"], unique=False)

    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("actor_id", sa.String(length=26), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.String(length=128), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_school_id"), ["school_id"], unique=False)

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "catalogue_alias_move",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("previous_id", sa.String(length=26), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("moved_by", sa.String(length=26), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_alias_move")),
        sa.UniqueConstraint(
            "school_id", "model", "alias", "number", name=op.f("uq_catalogue_alias_move_school_id_model_alias_number")
        ),
    )
    with op.batch_alter_table("catalogue_alias_move", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalogue_alias_move_school_id"), ["school_id"], unique=False)

    op.create_table(
        "catalogue_version",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("runner", sa.String(length=32), nullable=False),
        sa.Column("artefact_sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("tasks", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("context_tokens", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("lineage", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("card", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("parent_id", sa.String(length=26), nullable=True),
        sa.Column("created_by", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_version")),
        sa.UniqueConstraint("school_id", "model", "number", name=op.f("uq_catalogue_version_school_id_model_number")),
    )
    with op.batch_alter_table("catalogue_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalogue_version_school_id"), ["school_id"], unique=False)

    op.create_table(
        "courses_course",
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("loaded_by", sa.String(length=26), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_courses_course")),
    )
    op.create_table(
        "courses_item",
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("needs_figure", sa.Boolean(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("points", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_courses_item")),
    )
    with op.batch_alter_table("courses_item", schema=None) as batch_op:
        batch_op.create_index("ix_courses_item_school_course", ["school_id", "course_id", "position"], unique=False)

    op.create_table(
        "crypto_person_key",
        sa.Column("subject_id", sa.String(length=26), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_crypto_person_key")),
    )
    op.create_table(
        "gateway_ledger",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("key_id", sa.String(length=26), nullable=True),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=160), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("tokens_reserved", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("outcome", sa.String(length=48), nullable=False),
        sa.Column("overhead_ms", sa.Float(), nullable=False),
        sa.Column("charged", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_ledger")),
    )
    with op.batch_alter_table("gateway_ledger", schema=None) as batch_op:
        batch_op.create_index(
            "ix_gateway_ledger_open",
            ["id"],
            unique=False,
            postgresql_where=sa.text("status = 'reserved'"),
            sqlite_where=sa.text("status = 'reserved'"),
        )
        batch_op.create_index("ix_gateway_ledger_school", ["school_id", "id"], unique=False)
        batch_op.create_index("ix_gateway_ledger_school_account", ["school_id", "account_id", "id"], unique=False)

    op.create_table(
        "gateway_quota",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("scope_id", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tokens_limit", sa.Integer(), nullable=True),
        sa.Column("tokens_used", sa.Integer(), nullable=False),
        sa.Column("tokens_reserved", sa.Integer(), nullable=False),
        sa.Column("requests_limit", sa.Integer(), nullable=True),
        sa.Column("requests_used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_quota")),
        sa.UniqueConstraint("school_id", "scope", "scope_id", name=op.f("uq_gateway_quota_school_id_scope_scope_id")),
    )
    with op.batch_alter_table("gateway_quota", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gateway_quota_school_id"), ["school_id"], unique=False)

    op.create_table(
        "identity_account",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("login_hash", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=160), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_account")),
        sa.UniqueConstraint("login_hash", name=op.f("uq_identity_account_login_hash")),
    )
    with op.batch_alter_table("identity_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_account_school_id"), ["school_id"], unique=False)

    op.create_table(
        "identity_failure",
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("who", name=op.f("pk_identity_failure")),
    )
    with op.batch_alter_table("identity_failure", schema=None) as batch_op:
        batch_op.create_index("ix_identity_failure_last_at", ["last_at"], unique=False)

    op.create_table(
        "identity_group_member",
        sa.Column("group_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "account_id", name=op.f("pk_identity_group_member")),
    )
    with op.batch_alter_table("identity_group_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_group_member_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_identity_group_member_school_id"), ["school_id"], unique=False)

    op.create_table(
        "identity_key",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_key")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_identity_key_secret_hash")),
    )
    with op.batch_alter_table("identity_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_key_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_identity_key_school_id"), ["school_id"], unique=False)

    op.create_table(
        "identity_link",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_identity_link_token_hash")),
    )
    with op.batch_alter_table("identity_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_link_school_id"), ["school_id"], unique=False)

    op.create_table(
        "identity_school",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("age_line", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_school")),
    )
    op.create_table(
        "identity_session",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_identity_session_token_hash")),
    )
    with op.batch_alter_table("identity_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_session_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_identity_session_school_id"), ["school_id"], unique=False)

    op.create_table(
        "identity_setting",
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "name", name=op.f("pk_identity_setting")),
    )
    op.create_table(
        "identity_suspension",
        sa.Column("group_id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_identity_suspension")),
    )
    with op.batch_alter_table("identity_suspension", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_suspension_school_id"), ["school_id"], unique=False)

    op.create_table(
        "improvement_version",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=160), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("learners", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("data_sha256", sa.String(length=64), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("parent", sa.String(length=160), nullable=False),
        sa.Column("figures", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("conditions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=26), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_improvement_version")),
        sa.UniqueConstraint("school_id", "number", name=op.f("uq_improvement_version_school_id_number")),
    )
    with op.batch_alter_table("improvement_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_improvement_version_school_id"), ["school_id"], unique=False)

    op.create_table(
        "outbox_event",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=26), nullable=True),
        sa.Column("payload", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox_event")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("outbox_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_event_waiting",
            ["seq"],
            unique=False,
            postgresql_where=sa.text("delivered_at IS NULL"),
            sqlite_where=sa.text("delivered_at IS NULL"),
        )

    op.create_table(
        "people_class",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("course_ids", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("tutor_on", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_class")),
        sa.UniqueConstraint("code", name=op.f("uq_people_class_code")),
        sa.UniqueConstraint("school_id", "name", name=op.f("uq_people_class_school_id_name")),
    )
    with op.batch_alter_table("people_class", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_class_school_id"), ["school_id"], unique=False)

    op.create_table(
        "people_consent",
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("learner_id", "purpose", name=op.f("pk_people_consent")),
    )
    with op.batch_alter_table("people_consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_consent_school_id"), ["school_id"], unique=False)

    op.create_table(
        "people_learner",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("class_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("age_band", sa.String(length=16), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_learner")),
        sa.UniqueConstraint("class_id", "number_hash", name=op.f("uq_people_learner_class_id_number_hash")),
    )
    with op.batch_alter_table("people_learner", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_learner_school_id"), ["school_id"], unique=False)

    op.create_table(
        "people_teaching",
        sa.Column("class_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("class_id", "account_id", name=op.f("pk_people_teaching")),
    )
    with op.batch_alter_table("people_teaching", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_teaching_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_people_teaching_school_id"), ["school_id"], unique=False)

    op.create_table(
        "records_response",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("item_id", sa.String(length=160), nullable=False),
        sa.Column("points", sa.String(length=1000), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=False),
        sa.Column("misconception", sa.String(length=160), nullable=True),
        sa.Column("hints_used", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("p_before", sa.Float(), nullable=True),
        sa.Column("tracer_version", sa.String(length=64), nullable=True),
        sa.Column("client_key", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records_response")),
        sa.UniqueConstraint(
            "attempt_id", "item_id", "client_key", name=op.f("uq_records_response_attempt_id_item_id_client_key")
        ),
    )
    with op.batch_alter_table("records_response", schema=None) as batch_op:
        batch_op.create_index("ix_records_response_evidence", ["school_id", "counted_at"], unique=False)
        batch_op.create_index("ix_records_response_of_learner", ["learner_id", "at"], unique=False)

    op.create_table(
        "tracing_adopted",
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("arrays", sa.LargeBinary(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rebuilt_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_tracing_adopted")),
    )
    op.create_table(
        "tracing_state",
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("point_id", sa.String(length=160), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("mean", sa.Float(), nullable=False),
        sa.Column("variance", sa.Float(), nullable=False),
        sa.Column("wins", sa.Float(), nullable=False),
        sa.Column("losses", sa.Float(), nullable=False),
        sa.Column("form", sa.Float(), nullable=False),
        sa.Column("last_at_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("learner_id", "point_id", name=op.f("pk_tracing_state")),
    )
    with op.batch_alter_table("tracing_state", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tracing_state_school_id"), ["school_id"], unique=False)

    op.create_table(
        "tutor_turn",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("school_id", sa.String(length=26), nullable=False),
        sa.Column("learner_id", sa.String(length=26), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("item_id", sa.String(length=160), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("sources", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("hint_number", sa.Integer(), nullable=True),
        sa.Column("replaced", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=160), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_turn")),
    )
    with op.batch_alter_table("tutor_turn", schema=None) as batch_op:
        batch_op.create_index("ix_tutor_turn_learner", ["school_id", "learner_id", "id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("tutor_turn", schema=None) as batch_op:
        batch_op.drop_index("ix_tutor_turn_learner")

    op.drop_table("tutor_turn")
    with op.batch_alter_table("tracing_state", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tracing_state_school_id"))

    op.drop_table("tracing_state")
    op.drop_table("tracing_adopted")
    with op.batch_alter_table("records_response", schema=None) as batch_op:
        batch_op.drop_index("ix_records_response_of_learner")
        batch_op.drop_index("ix_records_response_evidence")

    op.drop_table("records_response")
    with op.batch_alter_table("people_teaching", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_people_teaching_school_id"))
        batch_op.drop_index(batch_op.f("ix_people_teaching_account_id"))

    op.drop_table("people_teaching")
    with op.batch_alter_table("people_learner", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_people_learner_school_id"))

    op.drop_table("people_learner")
    with op.batch_alter_table("people_consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_people_consent_school_id"))

    op.drop_table("people_consent")
    with op.batch_alter_table("people_class", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_people_class_school_id"))

    op.drop_table("people_class")
    with op.batch_alter_table("outbox_event", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_event_waiting",
            postgresql_where=sa.text("delivered_at IS NULL"),
            sqlite_where=sa.text("delivered_at IS NULL"),
        )

    op.drop_table("outbox_event")
    with op.batch_alter_table("improvement_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_improvement_version_school_id"))

    op.drop_table("improvement_version")
    with op.batch_alter_table("identity_suspension", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_suspension_school_id"))

    op.drop_table("identity_suspension")
    op.drop_table("identity_setting")
    with op.batch_alter_table("identity_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_session_school_id"))
        batch_op.drop_index(batch_op.f("ix_identity_session_account_id"))

    op.drop_table("identity_session")
    op.drop_table("identity_school")
    with op.batch_alter_table("identity_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_link_school_id"))

    op.drop_table("identity_link")
    with op.batch_alter_table("identity_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_key_school_id"))
        batch_op.drop_index(batch_op.f("ix_identity_key_account_id"))

    op.drop_table("identity_key")
    with op.batch_alter_table("identity_group_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_group_member_school_id"))
        batch_op.drop_index(batch_op.f("ix_identity_group_member_account_id"))

    op.drop_table("identity_group_member")
    with op.batch_alter_table("identity_failure", schema=None) as batch_op:
        batch_op.drop_index("ix_identity_failure_last_at")

    op.drop_table("identity_failure")
    with op.batch_alter_table("identity_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_account_school_id"))

    op.drop_table("identity_account")
    with op.batch_alter_table("gateway_quota", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gateway_quota_school_id"))

    op.drop_table("gateway_quota")
    with op.batch_alter_table("gateway_ledger", schema=None) as batch_op:
        batch_op.drop_index("ix_gateway_ledger_school_account")
        batch_op.drop_index("ix_gateway_ledger_school")
        batch_op.drop_index(
            "ix_gateway_ledger_open",
            postgresql_where=sa.text("status = 'reserved'"),
            sqlite_where=sa.text("status = 'reserved'"),
        )

    op.drop_table("gateway_ledger")
    op.drop_table("crypto_person_key")
    with op.batch_alter_table("courses_item", schema=None) as batch_op:
        batch_op.drop_index("ix_courses_item_school_course")

    op.drop_table("courses_item")
    op.drop_table("courses_course")
    with op.batch_alter_table("catalogue_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_catalogue_version_school_id"))

    op.drop_table("catalogue_version")
    with op.batch_alter_table("catalogue_alias_move", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_catalogue_alias_move_school_id"))

    op.drop_table("catalogue_alias_move")
    op.drop_table("audit_head")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entry_school_id"))

    op.drop_table("audit_entry")
    with op.batch_alter_table("assessment_slot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_slot_school_id"))

    op.drop_table("assessment_slot")
    with op.batch_alter_table("assessment_paper", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_paper_school_id"))
        batch_op.drop_index(batch_op.f("ix_assessment_paper_learner_id"))

    op.drop_table("assessment_paper")
    with op.batch_alter_table("assessment_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_attempt_school_id"))
        batch_op.drop_index("ix_assessment_attempt_of_learner")

    op.drop_table("assessment_attempt")
    with op.batch_alter_table("assessment_assignment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_assignment_school_id"))
        batch_op.drop_index(batch_op.f("ix_assessment_assignment_class_id"))

    op.drop_table("assessment_assignment")
    with op.batch_alter_table("assessment_assigned", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_assigned_school_id"))
        batch_op.drop_index(batch_op.f("ix_assessment_assigned_learner_id"))

    op.drop_table("assessment_assigned")
