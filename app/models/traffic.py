from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ScoreTraffic(Base):
    """How many rows one worker process scored on one day, by the bins of the bundle's reference: counts, nobody's data.

    A worker writes its own rows alone, each time with its whole count: writing twice changes nothing.
    """

    __tablename__ = "score_traffic"
    __table_args__ = (Index(None, "day"),)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    worker_id: Mapped[UUID] = mapped_column(primary_key=True)
    counts: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
