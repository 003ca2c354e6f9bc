from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Instant


class ModelActivation(Base):
    """One switch: which version of which model became the active one of its churn kind, when, and by whose wish.

    It says what the receipt in the registry says; `activated_by` is a caller's id, or the command line.
    """

    __tablename__ = "model_activations"
    __table_args__ = (UniqueConstraint("churn_kind", "activated_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    churn_kind: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    activated_at: Mapped[Instant]
    activated_by: Mapped[str] = mapped_column(String(64))
    previous_name: Mapped[str | None] = mapped_column(String(64))
    previous_version: Mapped[str | None] = mapped_column(String(64))
