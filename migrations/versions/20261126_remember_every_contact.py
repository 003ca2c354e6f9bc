"""Remember every contact

Written for a database in use: the code before this revision keeps running beside it. Expand, backfill as a job,
contract in a later revision.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    _create_tables()
    _extend_tables()


def _create_tables() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_pseudonym"), "audit_entries", ["pseudonym"], unique=False)
    op.create_table(
        "groups",
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=True),
        sa.Column("flat_fee", sa.Boolean(), nullable=False),
        sa.Column("rental_free", sa.Boolean(), nullable=False),
        sa.Column("corporate_account", sa.Boolean(), nullable=False),
        sa.Column("payer", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_groups")),
    )
    op.create_table(
        "satisfaction_targets",
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("target", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("family", "role", name=op.f("pk_satisfaction_targets")),
    )
    op.create_table(
        "care_cases",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("analysis", sa.LargeBinary(), nullable=True),
        sa.Column("care_given", sa.LargeBinary(), nullable=True),
        sa.Column("satisfied", sa.Boolean(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_care_cases_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "id", name=op.f("pk_care_cases")),
    )
    op.create_index(op.f("ix_care_cases_id"), "care_cases", ["id"], unique=False)
    op.create_index(op.f("ix_care_cases_stage_id"), "care_cases", ["stage", "id"], unique=False)
    op.create_index(
        "uq_care_cases_open",
        "care_cases",
        ["subscriber_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "client_references",
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("noun", sa.String(length=16), server_default="interaction", nullable=False),
        sa.Column("reference", sa.String(length=128), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_client_references_caller_id_api_keys")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_client_references_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("caller_id", "noun", "reference", name=op.f("pk_client_references")),
    )
    op.create_index(op.f("ix_client_references_subscriber_id"), "client_references", ["subscriber_id"], unique=False)
    op.create_table(
        "profile_versions",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_profile_versions_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "version", name=op.f("pk_profile_versions")),
    )
    op.create_table(
        "survey_responses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=True),
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column("survey", sa.String(length=64), nullable=False),
        sa.Column("touchpoint", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scale_max", sa.SmallInteger(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("dissatisfied", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("role", sa.String(length=32), nullable=True),
        sa.Column("callback_id", sa.Uuid(), nullable=True),
        sa.Column("client_reference", sa.String(length=128), nullable=True),
        sa.Column("caller_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_survey_responses_caller_id_api_keys")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_survey_responses_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["touchpoint"], ["touchpoints.code"], name=op.f("fk_survey_responses_touchpoint_touchpoints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_responses")),
    )
    op.create_index(
        op.f("ix_survey_responses_family_touchpoint_answered_at"),
        "survey_responses",
        ["family", "touchpoint", "answered_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_survey_responses_subscriber_id_answered_at"),
        "survey_responses",
        ["subscriber_id", "answered_at"],
        unique=False,
    )
    op.create_table(
        "tasks",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_tasks_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("subscriber_id", "kind", "source_id", name=op.f("uq_tasks_subscriber_id_kind_source_id")),
    )
    op.create_index(op.f("ix_tasks_owner_status_due_at_id"), "tasks", ["owner", "status", "due_at", "id"], unique=False)
    op.create_index(op.f("ix_tasks_status_due_at_id"), "tasks", ["status", "due_at", "id"], unique=False)
    op.create_table(
        "complaint_steps",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=True),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_complaint_steps_caller_id_api_keys")),
        sa.ForeignKeyConstraint(
            ["subscriber_id", "complaint_id"],
            ["complaints.subscriber_id", "complaints.id"],
            name=op.f("fk_complaint_steps_subscriber_id_complaint_id_complaints"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "complaint_id", "number", name=op.f("pk_complaint_steps")),
    )
    # A view in its place: the code before this revision goes on reading and writing through it.
    op.execute("LOCK TABLE interaction_references IN ACCESS EXCLUSIVE MODE")
    op.execute(
        "INSERT INTO client_references (caller_id, reference, subscriber_id, fact_id)"
        " SELECT caller_id, client_reference, subscriber_id, interaction_id FROM interaction_references"
    )
    op.drop_index(op.f("ix_interaction_references_subscriber_id"), table_name="interaction_references")
    op.drop_table("interaction_references")
    op.execute(
        "CREATE VIEW interaction_references AS SELECT caller_id, reference AS client_reference, subscriber_id,"
        " fact_id AS interaction_id FROM client_references WHERE noun = 'interaction'"
    )


def _extend_tables() -> None:
    op.add_column("complaints", sa.Column("team", sa.String(length=64), nullable=True))
    op.add_column("complaints", sa.Column("transfer_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("complaints", sa.Column("reopen_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("complaints", sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("complaints", sa.Column("resolved_by", sa.String(length=64), nullable=True))
    op.add_column("complaints", sa.Column("client_reference", sa.String(length=128), nullable=True))
    op.create_index(op.f("ix_complaints_status_due_at"), "complaints", ["status", "due_at"], unique=False)
    op.drop_constraint("fk_interactions_touchpoint_touchpoints", "interactions", type_="foreignkey")
    op.drop_constraint("fk_interactions_caller_id_api_keys", "interactions", type_="foreignkey")
    op.add_column("interactions", sa.Column("agent_sentiment", sa.String(length=16), nullable=True))
    op.add_column("interactions", sa.Column("duration_seconds", sa.Integer(), nullable=True))
    op.add_column("interactions", sa.Column("visit", sa.String(length=64), nullable=True))
    op.add_column("interactions", sa.Column("order_outcome", sa.String(length=16), nullable=True))
    op.add_column("interactions", sa.Column("refusal_reason", sa.String(length=32), nullable=True))
    op.add_column("subscribers", sa.Column("payer", sa.String(length=16), nullable=True))
    op.add_column("subscribers", sa.Column("locality", sa.String(length=16), nullable=True))
    op.add_column("subscribers", sa.Column("sla_level", sa.String(length=64), nullable=True))
    op.add_column("subscribers", sa.Column("owner", sa.String(length=64), nullable=True))
    op.add_column("subscribers", sa.Column("owner_role", sa.String(length=16), nullable=True))
    op.add_column("subscribers", sa.Column("lifecycle_stage", sa.String(length=32), nullable=True))
    op.add_column("subscribers", sa.Column("phone_index", sa.LargeBinary(length=32), nullable=True))
    op.add_column("subscribers", sa.Column("merged_into", sa.String(length=64), nullable=True))
    op.create_index(
        op.f("ix_subscribers_group_id"),
        "subscribers",
        ["group_id"],
        unique=False,
        postgresql_where=sa.text("group_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_subscribers_merged_into"),
        "subscribers",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index(op.f("ix_subscribers_phone_index"), "subscribers", ["phone_index"], unique=False)
    op.create_foreign_key(
        op.f("fk_subscribers_merged_into_subscribers"),
        "subscribers",
        "subscribers",
        ["merged_into"],
        ["subscriber_id"],
        ondelete="SET NULL",
    )
    op.add_column(
        "touchpoints", sa.Column("sense", sa.String(length=16), server_default="communication", nullable=False)
    )
    op.add_column(
        "touchpoints", sa.Column("customer_types", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column(
        "touchpoints", sa.Column("services", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("touchpoints", sa.Column("need", sa.String(length=64), nullable=True))
    op.add_column("touchpoints", sa.Column("standard", sa.Text(), nullable=True))
    op.add_column(
        "touchpoints", sa.Column("discovered", sa.String(length=16), server_default="outward", nullable=False)
    )
    op.create_index(op.f("ix_touchpoints_need"), "touchpoints", ["need"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    _shorten_tables()
    _drop_tables()


def _shorten_tables() -> None:
    op.drop_index(op.f("ix_touchpoints_need"), table_name="touchpoints")
    op.drop_column("touchpoints", "discovered")
    op.drop_column("touchpoints", "standard")
    op.drop_column("touchpoints", "need")
    op.drop_column("touchpoints", "services")
    op.drop_column("touchpoints", "customer_types")
    op.drop_column("touchpoints", "sense")
    op.drop_constraint(op.f("fk_subscribers_merged_into_subscribers"), "subscribers", type_="foreignkey")
    op.drop_index(op.f("ix_subscribers_phone_index"), table_name="subscribers")
    op.drop_index(
        op.f("ix_subscribers_merged_into"),
        table_name="subscribers",
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.drop_index(
        op.f("ix_subscribers_group_id"), table_name="subscribers", postgresql_where=sa.text("group_id IS NOT NULL")
    )
    op.drop_column("subscribers", "merged_into")
    op.drop_column("subscribers", "phone_index")
    op.drop_column("subscribers", "lifecycle_stage")
    op.drop_column("subscribers", "owner_role")
    op.drop_column("subscribers", "owner")
    op.drop_column("subscribers", "sla_level")
    op.drop_column("subscribers", "locality")
    op.drop_column("subscribers", "payer")
    op.create_foreign_key(
        "fk_interactions_touchpoint_touchpoints", "interactions", "touchpoints", ["touchpoint"], ["code"]
    )
    op.create_foreign_key("fk_interactions_caller_id_api_keys", "interactions", "api_keys", ["caller_id"], ["id"])
    op.drop_column("interactions", "refusal_reason")
    op.drop_column("interactions", "order_outcome")
    op.drop_column("interactions", "visit")
    op.drop_column("interactions", "duration_seconds")
    op.drop_column("interactions", "agent_sentiment")
    op.drop_index(op.f("ix_complaints_status_due_at"), table_name="complaints")
    op.drop_column("complaints", "client_reference")
    op.drop_column("complaints", "resolved_by")
    op.drop_column("complaints", "resolved_at")
    op.drop_column("complaints", "reopen_count")
    op.drop_column("complaints", "transfer_count")
    op.drop_column("complaints", "team")


def _drop_tables() -> None:
    op.execute("DROP VIEW interaction_references")
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
    op.execute(
        "INSERT INTO interaction_references (caller_id, client_reference, subscriber_id, interaction_id)"
        " SELECT caller_id, reference, subscriber_id, fact_id FROM client_references WHERE noun = 'interaction'"
    )
    op.drop_table("complaint_steps")
    op.drop_index(op.f("ix_tasks_status_due_at_id"), table_name="tasks")
    op.drop_index(op.f("ix_tasks_owner_status_due_at_id"), table_name="tasks")
    op.drop_table("tasks")
    op.drop_index(op.f("ix_survey_responses_subscriber_id_answered_at"), table_name="survey_responses")
    op.drop_index(op.f("ix_survey_responses_family_touchpoint_answered_at"), table_name="survey_responses")
    op.drop_table("survey_responses")
    op.drop_table("profile_versions")
    op.drop_index(op.f("ix_client_references_subscriber_id"), table_name="client_references")
    op.drop_table("client_references")
    op.drop_index("uq_care_cases_open", table_name="care_cases", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index(op.f("ix_care_cases_stage_id"), table_name="care_cases")
    op.drop_index(op.f("ix_care_cases_id"), table_name="care_cases")
    op.drop_table("care_cases")
    op.drop_table("satisfaction_targets")
    op.drop_table("groups")
    op.drop_index(op.f("ix_audit_entries_pseudonym"), table_name="audit_entries")
    op.drop_table("audit_entries")
