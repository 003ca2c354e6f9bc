"""What all tables share: naming, column types, ids."""

import os
import time
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, String, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SUBSCRIBER_ID_LENGTH = 64

SubscriberId = Annotated[str, mapped_column(String(SUBSCRIBER_ID_LENGTH))]
Code = Annotated[str, mapped_column(String(64))]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Names = Annotated[list[str], mapped_column(ARRAY(Text))]
Document = Annotated[dict[str, Any], mapped_column(JSONB)]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Link:
    """A link of a chain over signed rows: `seal` binds a row to its position, `link` to what was before.

    Which row it is of, `row_id`, is each chain's own column.
    """

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))
    link: Mapped[bytes] = mapped_column(LargeBinary(32))


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562, with 12 bits of sub-millisecond time): ordered by time, so a table can be cut by it."""
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = (rest << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | random)
