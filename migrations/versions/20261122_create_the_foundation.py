"""Create the foundation

Written for a database in use: the code before this revision keeps running beside it. Expand, backfill as a job,
contract in a later revision.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "actions",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("eligibility", sa.Text(), nullable=False),
        sa.Column("contact_cost", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("accept_cost", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("monthly_arpu_effect", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("effect_mean", sa.Double(), nullable=False),
        sa.Column("effect_sd", sa.Double(), nullable=False),
        sa.Column("p_accept", sa.Double(), nullable=False),
        sa.Column("caps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("say", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("priced", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_actions")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_table(
        "features",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=True),
        sa.Column("minimum", sa.Double(), nullable=True),
        sa.Column("maximum", sa.Double(), nullable=True),
        sa.Column("levels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("source", sa.String(length=256), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_features")),
    )
    op.create_table(
        "subscribers",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=True),
        sa.Column("brand", sa.String(length=64), nullable=True),
        sa.Column("value_tier", sa.String(length=64), nullable=True),
        sa.Column("payment_type", sa.String(length=64), nullable=True),
        sa.Column("group_id", sa.String(length=64), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("consents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_subscribers_pseudonym")),
    )
    op.create_table(
        "touchpoints",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("promise_hours", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_touchpoints")),
    )
    op.create_table(
        "complaints",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("touchpoint", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.Column("network_fault_type", sa.String(length=32), nullable=True),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("root_cause", sa.LargeBinary(), nullable=True),
        sa.Column("action_taken", sa.LargeBinary(), nullable=True),
        sa.Column("subscriber_confirmed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_complaints_caller_id_api_keys")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_complaints_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["touchpoint"], ["touchpoints.code"], name=op.f("fk_complaints_touchpoint_touchpoints")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "id", name=op.f("pk_complaints")),
    )
    op.create_index(op.f("ix_complaints_id"), "complaints", ["id"], unique=False)
    op.create_index(op.f("ix_complaints_status_id"), "complaints", ["status", "id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("newest_fact", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arm", sa.String(length=16), nullable=False),
        sa.Column("policy_version", sa.String(length=64), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("context", sa.LargeBinary(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_decisions_caller_id_api_keys")),
        sa.PrimaryKeyConstraint("pseudonym", "id", name=op.f("pk_decisions")),
    )
    op.create_index(op.f("ix_decisions_id"), "decisions", ["id"], unique=False)
    op.create_index(op.f("ix_decisions_pseudonym_decided_at"), "decisions", ["pseudonym", "decided_at"], unique=False)
    op.create_table(
        "feature_snapshots",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("features", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_feature_snapshots_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "as_of", name=op.f("pk_feature_snapshots")),
    )
    op.create_table(
        "idempotency_answers",
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_idempotency_answers_caller_id_api_keys")),
        sa.PrimaryKeyConstraint("caller_id", "operation", "key_digest", name=op.f("pk_idempotency_answers")),
    )
    op.create_index(op.f("ix_idempotency_answers_kept_at"), "idempotency_answers", ["kept_at"], unique=False)
    op.create_index(
        op.f("ix_idempotency_answers_subscriber_id"), "idempotency_answers", ["subscriber_id"], unique=False
    )
    op.create_table(
        "interaction_references",
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("client_reference", sa.String(length=128), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["caller_id"], ["api_keys.id"], name=op.f("fk_interaction_references_caller_id_api_keys")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_interaction_references_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("caller_id", "client_reference", name=op.f("pk_interaction_references")),
    )
    op.create_index(
        op.f("ix_interaction_references_subscriber_id"), "interaction_references", ["subscriber_id"], unique=False
    )
    op.create_table(
        "interactions",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("touchpoint", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("need", sa.String(length=32), nullable=False),
        sa.Column("need_source", sa.String(length=32), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=True),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("sentiment", sa.String(length=16), nullable=True),
        sa.Column("client_reference", sa.String(length=128), nullable=True),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_interactions_caller_id_api_keys")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_interactions_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["touchpoint"], ["touchpoints.code"], name=op.f("fk_interactions_touchpoint_touchpoints")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "id", name=op.f("pk_interactions")),
    )
    op.create_index(op.f("ix_interactions_id"), "interactions", ["id"], unique=False)
    op.create_index(
        op.f("ix_interactions_subscriber_id_occurred_at_id"),
        "interactions",
        ["subscriber_id", "occurred_at", "id"],
        unique=False,
    )
    op.create_table(
        "outcomes",
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_outcomes_caller_id_api_keys")),
        sa.ForeignKeyConstraint(
            ["pseudonym", "decision_id"],
            ["decisions.pseudonym", "decisions.id"],
            name=op.f("fk_outcomes_pseudonym_decision_id_decisions"),
        ),
        sa.PrimaryKeyConstraint("pseudonym", "id", name=op.f("pk_outcomes")),
    )
    op.create_index(op.f("ix_outcomes_pseudonym_occurred_at"), "outcomes", ["pseudonym", "occurred_at"], unique=False)
    op.create_index(
        "uq_outcomes_final",
        "outcomes",
        ["pseudonym", "decision_id", "action", "stage"],
        unique=True,
        postgresql_where=sa.text("final"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_index("uq_outcomes_final", table_name="outcomes", postgresql_where=sa.text("final"))
    op.drop_index(op.f("ix_outcomes_pseudonym_occurred_at"), table_name="outcomes")
    op.drop_table("outcomes")
    op.drop_index(op.f("ix_interactions_subscriber_id_occurred_at_id"), table_name="interactions")
    op.drop_index(op.f("ix_interactions_id"), table_name="interactions")
    op.drop_table("interactions")
    op.drop_index(op.f("ix_interaction_references_subscriber_id"), table_name="interaction_references")
    op.drop_table("interaction_references")
    op.drop_index(op.f("ix_idempotency_answers_subscriber_id"), table_name="idempotency_answers")
    op.drop_index(op.f("ix_idempotency_answers_kept_at"), table_name="idempotency_answers")
    op.drop_table("idempotency_answers")
    op.drop_table("feature_snapshots")
    op.drop_index(op.f("ix_decisions_pseudonym_decided_at"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_id"), table_name="decisions")
    op.drop_table("decisions")
    op.drop_index(op.f("ix_complaints_status_id"), table_name="complaints")
    op.drop_index(op.f("ix_complaints_id"), table_name="complaints")
    op.drop_table("complaints")
    op.drop_table("touchpoints")
    op.drop_table("subscribers")
    op.drop_table("features")
    op.drop_table("api_keys")
    op.drop_table("actions")
