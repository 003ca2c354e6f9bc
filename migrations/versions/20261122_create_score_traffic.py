"""Create score_traffic

Written for a database in use: the code before this revision keeps running beside it. Expand, backfill as a job,
contract in a later revision.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "score_traffic",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("counts", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", "day", "worker_id", name=op.f("pk_score_traffic")),
    )
    op.create_index(op.f("ix_score_traffic_day"), "score_traffic", ["day"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_index(op.f("ix_score_traffic_day"), table_name="score_traffic")
    op.drop_table("score_traffic")
