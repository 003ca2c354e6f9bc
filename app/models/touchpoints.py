from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Names


class Touchpoint(Base):
    """A catalogued place where operator and subscriber meet, with its one promise.

    Touchpoints that name the same `need` promise the same for it; an empty list of customer types or services means
    all of them.
    """

    __tablename__ = "touchpoints"
    __table_args__ = (Index(None, "need"),)

    code: Mapped[Code] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    category: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    sense: Mapped[str] = mapped_column(String(16), server_default="communication")
    customer_types: Mapped[Names] = mapped_column(server_default="{}")
    services: Mapped[Names] = mapped_column(server_default="{}")
    channels: Mapped[Names]
    need: Mapped[str | None] = mapped_column(String(64))
    promise_hours: Mapped[int] = mapped_column(Integer)
    standard: Mapped[str | None] = mapped_column(Text)
    discovered: Mapped[str] = mapped_column(String(16), server_default="outward")
