"""Score the base

Written for a database in use: the code before this revision keeps running beside it. Expand, backfill as a job,
contract in a later revision.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "scoring_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("churn_kind", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progressed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("model", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("cursor", sa.String(length=64), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("scored", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("refusals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scoring_runs")),
    )
    op.create_index(
        "uq_scoring_runs_unfinished",
        "scoring_runs",
        ["churn_kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        op.f("ix_scoring_runs_churn_kind_ended_at"), "scoring_runs", ["churn_kind", "ended_at"], unique=False
    )
    op.create_table(
        "risk_scores",
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("band", sa.String(length=16), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("drivers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("next_action", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("none_because", sa.Text(), nullable=True),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name=op.f("ck_risk_scores_probability")),
        sa.CheckConstraint(
            "(next_action IS NULL) <> (none_because IS NULL)", name=op.f("ck_risk_scores_action_or_reason")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["scoring_runs.id"], name=op.f("fk_risk_scores_run_id_scoring_runs"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_risk_scores_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "run_id", name=op.f("pk_risk_scores")),
    )
    op.create_index(op.f("ix_risk_scores_run_id_probability"), "risk_scores", ["run_id", "probability"], unique=False)
    # Who sees some subscribers only has nobody scored.
    op.execute("REVOKE INSERT, UPDATE, DELETE ON scoring_runs, risk_scores FROM stayline_bounded")
    op.execute("ALTER TABLE risk_scores ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE risk_scores FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY everybody ON risk_scores TO stayline_app, CURRENT_USER USING (true)")
    op.execute(
        "CREATE POLICY within_reach ON risk_scores TO stayline_bounded USING"
        " (EXISTS (SELECT FROM subscribers s WHERE s.subscriber_id = risk_scores.subscriber_id))"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("risk_scores")
    op.drop_table("scoring_runs")
