from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Names


class Touchpoint(Base):
    """A catalogued place where operator and subscriber meet, with its one promise."""

    __tablename__ = "touchpoints"

    code: Mapped[Code] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    category: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    channels: Mapped[Names]
    promise_hours: Mapped[int] = mapped_column(Integer)
