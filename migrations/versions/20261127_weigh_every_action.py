"""Weigh every action

Written for a database in use: the code before this revision keeps running beside it. Expand, backfill as a job,
contract in a later revision.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "arpu_bases",
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subscribers", sa.BigInteger(), nullable=False),
        sa.Column("monthly_revenue", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("measured_at", name=op.f("pk_arpu_bases")),
    )
    op.create_table(
        "decision_links",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=32), nullable=False),
        sa.Column("link", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_decision_links")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_decision_links_decision_id")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "period", name=op.f("pk_ledger_entries")),
    )
    op.create_table(
        "contact_claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_contact_claims_caller_id_api_keys")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.subscriber_id"],
            name=op.f("fk_contact_claims_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_claims")),
    )
    op.create_index(
        op.f("ix_contact_claims_subscriber_id_expires_at"),
        "contact_claims",
        ["subscriber_id", "expires_at"],
        unique=False,
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_policies_caller_id_api_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
    )
    op.create_index(op.f("ix_policies_version"), "policies", ["version"], unique=False)
    op.create_table(
        "contests",
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("alternative", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["api_keys.id"], name=op.f("fk_contests_caller_id_api_keys")),
        sa.PrimaryKeyConstraint("pseudonym", "decision_id", name=op.f("pk_contests")),
        sa.UniqueConstraint("id", name=op.f("uq_contests_id")),
    )
    op.create_table(
        "reservations",
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Numeric(), nullable=False),
        sa.Column("given_away", sa.Numeric(), nullable=False),
        sa.Column("full_cost", sa.Numeric(), nullable=False),
        sa.Column("full_giveaway", sa.Numeric(), nullable=False),
        sa.Column("spending", sa.Numeric(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("most_cost", sa.Numeric(), nullable=True),
        sa.Column("most_given_away", sa.Numeric(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym", "decision_id", "action", name=op.f("pk_reservations")),
    )
    op.create_index(op.f("ix_reservations_pseudonym_state"), "reservations", ["pseudonym", "state"], unique=False)
    op.add_column("actions", sa.Column("capacity_per_day", sa.Integer(), nullable=True))
    op.add_column("outcomes", sa.Column("competitor", sa.String(length=64), nullable=True))
    op.add_column("decisions", sa.Column("mac", sa.LargeBinary(length=32), nullable=True))
    op.add_column("subscribers", sa.Column("timezone", sa.String(length=64), nullable=True))
    op.execute(_ADD_TO_LEDGER)
    op.execute(_KEEP_LEDGER)
    for event, when in _EVENTS.items():
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER keep_ledger_on_{event} AFTER {event} ON reservations
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION keep_ledger()
        """)


# The ledger is what reservations hold, kept when a transaction commits: its totals are locked for no longer than that
# takes, and by one at a time. An insert that would exceed what the rule in force allows is refused, and its transaction
# with it; a change is what became of an earlier one, and stands.
_ADD_TO_LEDGER = """
    CREATE FUNCTION add_to_ledger(of_kind text, of_key text, of_period date, change numeric, most numeric)
    RETURNS void LANGUAGE plpgsql AS $$
    DECLARE total numeric;
    BEGIN
        IF change = 0 THEN RETURN; END IF;
        INSERT INTO ledger_entries AS e (kind, key, period, amount) VALUES (of_kind, of_key, of_period, change)
        ON CONFLICT ON CONSTRAINT pk_ledger_entries DO UPDATE SET amount = e.amount + excluded.amount
        RETURNING e.amount INTO total;
        IF change > 0 AND total > most THEN
            RAISE EXCEPTION 'the ledger is full' USING ERRCODE = 'SLF01';
        END IF;
    END $$
"""
_KEEP_LEDGER = """
    CREATE FUNCTION keep_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        month date := date_trunc('month', NEW.day);
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('ledger', 0));
        IF TG_OP = 'UPDATE' THEN
            PERFORM add_to_ledger('capacity', NEW.action, NEW.day, NEW.uses - OLD.uses, NULL);
            PERFORM add_to_ledger('money', 'all', NEW.day, NEW.cost - OLD.cost, NULL);
            PERFORM add_to_ledger('arpu', 'all', month, NEW.given_away - OLD.given_away, NULL);
        ELSE
            PERFORM add_to_ledger('capacity', NEW.action, NEW.day, NEW.uses, NEW.most_uses);
            PERFORM add_to_ledger('money', 'all', NEW.day, NEW.cost, NEW.most_cost);
            PERFORM add_to_ledger('arpu', 'all', month, NEW.given_away, NEW.most_given_away);
        END IF;
        RETURN NULL;
    END $$
"""
_EVENTS = {
    "insert": "NEW.uses <> 0 OR NEW.cost <> 0 OR NEW.given_away <> 0",
    "update": "NEW.uses <> OLD.uses OR NEW.cost <> OLD.cost OR NEW.given_away <> OLD.given_away",
}


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("subscribers", "timezone")
    op.drop_column("decisions", "mac")
    op.drop_column("outcomes", "competitor")
    op.drop_column("actions", "capacity_per_day")
    op.drop_index(op.f("ix_reservations_pseudonym_state"), table_name="reservations")
    op.drop_table("reservations")
    op.execute("DROP FUNCTION keep_ledger()")
    op.execute("DROP FUNCTION add_to_ledger(text, text, date, numeric, numeric)")
    op.drop_table("contests")
    op.drop_index(op.f("ix_policies_version"), table_name="policies")
    op.drop_table("policies")
    op.drop_index(op.f("ix_contact_claims_subscriber_id_expires_at"), table_name="contact_claims")
    op.drop_table("contact_claims")
    op.drop_table("ledger_entries")
    op.drop_table("decision_links")
    op.drop_table("arpu_bases")
