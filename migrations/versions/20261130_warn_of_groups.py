"""Warn of groups

Written for a database in use: the code before this revision keeps running beside it. Expand, backfill as a job,
contract in a later revision.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "group_warnings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("signals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("member_count", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("playbook", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.group_id"], name=op.f("fk_group_warnings_group_id_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_warnings")),
    )
    op.create_index(
        "uq_group_warnings_open",
        "group_warnings",
        ["group_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_group_warnings_group_id"), "group_warnings", ["group_id"], unique=False)
    # Whoever sees one of its members sees that the group is warned of.
    op.execute("ALTER TABLE group_warnings ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE group_warnings FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY everybody ON group_warnings TO stayline_app, CURRENT_USER USING (true)")
    op.execute(
        "CREATE POLICY within_reach ON group_warnings TO stayline_bounded USING"
        " (EXISTS (SELECT FROM subscribers s WHERE s.group_id = group_warnings.group_id))"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("group_warnings")
