from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Numeric, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Document, Names

MONEY = Numeric(14, 2)


class Action(Base):
    """Anything we may do next, with who may have it, what it costs and what it is believed to change."""

    __tablename__ = "actions"

    code: Mapped[Code] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    channels: Mapped[Names]
    eligibility: Mapped[str] = mapped_column(Text)
    contact_cost: Mapped[Decimal] = mapped_column(MONEY)
    accept_cost: Mapped[Decimal] = mapped_column(MONEY)
    monthly_arpu_effect: Mapped[Decimal] = mapped_column(MONEY)
    horizon_days: Mapped[int]
    effect_mean: Mapped[float]
    effect_sd: Mapped[float]
    p_accept: Mapped[float]
    caps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    valid_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    valid_to: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    say: Mapped[Document]
    priced: Mapped[bool]
    capacity_per_day: Mapped[int | None]
