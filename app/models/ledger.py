from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Index, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Instant


class LedgerEntry(Base):
    """What reservations hold in all: uses of an action on a day, money of a day, revenue given away in a month."""

    __tablename__ = "ledger_entries"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    key: Mapped[Code] = mapped_column(primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric)


class Reservation(Base):
    """What one chosen action holds of the ledger: as expected while it is `open`, in full once it is `accepted`.

    The database keeps the ledger by these rows when a transaction commits, and refuses one that would take more than
    `most_…` says there is; null where nothing is limited.

    `spending` is what an acceptance costs in all; `uses`, `cost` and `given_away` are what the ledger holds of it now.
    """

    __tablename__ = "reservations"
    __table_args__ = (Index(None, "pseudonym", "state"),)

    pseudonym: Mapped[UUID] = mapped_column(primary_key=True)
    decision_id: Mapped[UUID] = mapped_column(primary_key=True)
    action: Mapped[Code] = mapped_column(primary_key=True)
    day: Mapped[date]
    state: Mapped[str] = mapped_column(String(16))
    uses: Mapped[int]
    cost: Mapped[Decimal] = mapped_column(Numeric)
    given_away: Mapped[Decimal] = mapped_column(Numeric)
    full_cost: Mapped[Decimal] = mapped_column(Numeric)
    full_giveaway: Mapped[Decimal] = mapped_column(Numeric)
    spending: Mapped[Decimal] = mapped_column(Numeric)
    most_uses: Mapped[int | None]
    most_cost: Mapped[Decimal | None] = mapped_column(Numeric)
    most_given_away: Mapped[Decimal | None] = mapped_column(Numeric)
    settled_at: Mapped[Instant]


class ArpuBase(Base):
    """Active subscribers with a known revenue and that revenue a month, as measured at one time."""

    __tablename__ = "arpu_bases"

    measured_at: Mapped[Instant] = mapped_column(primary_key=True)
    subscribers: Mapped[int] = mapped_column(BigInteger)
    monthly_revenue: Mapped[Decimal] = mapped_column(Numeric)
