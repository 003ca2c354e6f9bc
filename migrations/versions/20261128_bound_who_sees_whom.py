"""Bound who sees whom

Written for a database in use: the code before this revision keeps running beside it, as the tables' owner. Expand,
backfill as a job, contract in a later revision.

The service works as a role that owns nothing, and on behalf of a caller that may see some subscribers only as another,
to which PostgreSQL itself shows nobody else. The policies of the first are plain truth, which the planner takes out.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

BY_SUBSCRIBER = (
    "care_cases",
    "complaint_steps",
    "complaints",
    "contact_claims",
    "feature_snapshots",
    "interactions",
    "profile_versions",
    "survey_responses",
    "tasks",
)
# These rows are a caller's own, and some are about nobody.
OF_CALLERS = ("client_references", "idempotency_answers")
BY_PSEUDONYM = ("audit_entries", "campaign_members", "contests", "decisions", "outcomes", "reservations")
APPEND_ONLY = ("access_entries", "access_links", "audit_entries", "decision_links", "decisions", "outcomes", "policies")
ROLES = ("stayline_app", "stayline_bounded")
WORK = "SELECT, INSERT, UPDATE, DELETE"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("api_keys", sa.Column("regions", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("api_keys", sa.Column("previous_digest", sa.LargeBinary(length=32), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    _create_audit()
    for role in ROLES:
        op.execute(_CREATE_ROLE.format(role=role))
        op.execute(f"GRANT {WORK} ON ALL TABLES IN SCHEMA public TO {role}")
        op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {WORK} ON TABLES TO {role}")
        op.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}")
        op.execute(f"REVOKE UPDATE, DELETE ON {', '.join(APPEND_ONLY)} FROM {role}")
    op.execute("REVOKE ALL ON api_keys, access_links, decision_links FROM stayline_bounded")
    op.execute("REVOKE SELECT ON access_entries FROM stayline_bounded")
    op.execute(_JOIN_ROLES)
    op.execute(_TOLD)
    for table, rule in _rules().items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY everybody ON {table} TO stayline_app, CURRENT_USER USING (true)")
        op.execute(f"CREATE POLICY within_reach ON {table} TO stayline_bounded USING ({rule})")


def _create_audit() -> None:
    op.create_table(
        "access_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("pseudonyms", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_access_entries_caller_id_api_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_entries")),
    )
    op.create_index(
        op.f("ix_access_entries_pseudonyms"), "access_entries", ["pseudonyms"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "access_links",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=32), nullable=False),
        sa.Column("link", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_access_links")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_access_links_entry_id")),
    )


# Roles are the whole cluster's: another database of ours may have made them, perhaps at this moment.
_CREATE_ROLE = """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
            CREATE ROLE {role} NOLOGIN;
        END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
        WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the role {role} is missing: CREATE ROLE {role} NOLOGIN' USING ERRCODE = '42704';
    END $$
"""
# The service acts as either; whoever migrates may serve, too.
_JOIN_ROLES = """
    DO $$ BEGIN
        IF NOT pg_has_role('stayline_app', 'stayline_bounded', 'MEMBER') THEN
            GRANT stayline_bounded TO stayline_app;
        END IF;
        IF NOT pg_has_role(current_user, 'stayline_app', 'MEMBER') THEN
            GRANT stayline_app TO CURRENT_USER;
        END IF;
    END $$
"""
# What a transaction was told of its reach, `*` standing for no bound. Where nothing was told, nobody is reached.
_TOLD = """
    CREATE FUNCTION told_reach(of_what text) RETURNS text[] LANGUAGE sql STABLE AS $$
        SELECT string_to_array(nullif(current_setting('stayline.' || of_what, true), ''), E'\\n')
    $$
"""
_OF_SUBSCRIBER = """
    (region = ANY ((SELECT told_reach('regions'))::text[]) OR '*' = ANY ((SELECT told_reach('regions'))::text[]))
    AND (coalesce(merged_into, subscriber_id) = ANY ((SELECT told_reach('subscriber'))::text[])
         OR '*' = ANY ((SELECT told_reach('subscriber'))::text[]))
"""


def _rules() -> dict[str, str]:
    """By table, which of its rows are within reach: whose subscriber is, since the policies hold in them as well."""
    rules = {"subscribers": _OF_SUBSCRIBER}
    for table in BY_SUBSCRIBER:
        rules[table] = f"EXISTS (SELECT FROM subscribers s WHERE s.subscriber_id = {table}.subscriber_id)"
    for table in OF_CALLERS:
        rules[table] = (
            f"subscriber_id IS NULL OR EXISTS (SELECT FROM subscribers s WHERE s.subscriber_id = {table}.subscriber_id)"
        )
    for table in BY_PSEUDONYM:
        rules[table] = f"EXISTS (SELECT FROM subscribers s WHERE s.pseudonym = {table}.pseudonym)"
    return rules


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    for table in _rules():
        op.execute(f"DROP POLICY within_reach ON {table}")
        op.execute(f"DROP POLICY everybody ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION told_reach(text)")
    # The roles stay: they are the whole cluster's. What they were granted here goes.
    for role in ROLES:
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {role}")
        op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
        op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
    op.drop_table("access_links")
    op.drop_index(op.f("ix_access_entries_pseudonyms"), table_name="access_entries", postgresql_using="gin")
    op.drop_table("access_entries")
    for column in ("last_used_at", "previous_until", "previous_digest", "regions"):
        op.drop_column("api_keys", column)
