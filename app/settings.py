"""Every setting, read once at the door and passed down. Prefix `STAYLINE_`, listed in docs/operations.md."""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

PREFIX = "STAYLINE_"
KEY_BYTES = 32
ADDRESS_PARAMETERS = frozenset({"host", "port", "sslmode"})
# 32 random bytes practically never hold fewer than 16 different values; a passphrase or a default often does.
LEAST_DISTINCT_BYTES = 16
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d|24:00"
# No more than these signs: origins are written into headers, where a semicolon would begin a rule of its own.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")
_HOURS = re.compile(rf"{_DAY}(?:-{_DAY})? (?P<begin>{_TIME})-(?P<end>{_TIME})")


class SettingsRefused(Exception):
    """The settings are not fit to run with; the message is one line for the operator."""


def _as_list(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


NameList = Annotated[list[str], BeforeValidator(_as_list)]
DateList = Annotated[list[date], BeforeValidator(_as_list)]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: SecretStr
    master_keys: SecretStr
    models_dir: Path = Path("models")

    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    timezone: str = "UTC"
    working_hours: str = "mon-sun 00:00-24:00"
    holidays: DateList = []
    agents: NameList = []
    language: Literal["en", "zh-CN"] = "en"
    revenue_features: NameList = ["monthly_charges", "avg_spend_3m"]
    cost_features: NameList = ["cost_to_serve"]
    end_date_features: NameList = ["contract_ends_on"]
    margin_rate: Decimal = Field(Decimal("0.60"), gt=0, le=1)
    stale_after_days: int = Field(35, ge=1, le=3650)
    same_decision_minutes: int = Field(10, ge=0, le=1440)

    most_at_once: int = Field(128, ge=1, le=10_000)
    most_held_mib: int = Field(256, ge=32, le=65_536)
    rate_limit: int = Field(0, ge=0, le=1_000_000)
    deadline_seconds: float = Field(1.8, gt=0, le=60)
    receive_seconds: float = Field(30, gt=0, le=600)
    drain_seconds: float = Field(1, ge=0, le=60)

    jwt_issuer: str | None = Field(None, min_length=1, max_length=512)
    jwt_audience: str | None = Field(None, min_length=1, max_length=512)
    jwt_jwks: str | None = Field(None, min_length=1, max_length=2048)
    allowed_origins: NameList = []
    frame_ancestors: NameList = []

    pool_size: int = Field(10, ge=1, le=200)
    store_timeout_seconds: float = Field(2.0, gt=0, le=30)
    statement_timeout_seconds: float = Field(2.0, gt=0, le=300)
    idempotency_hours: int = Field(48, ge=24, le=24 * 30)
    keep_contacts_days: int = Field(1095, ge=30, le=36500)
    keep_snapshots_days: int = Field(1095, ge=30, le=36500)
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @field_validator("master_keys")
    @classmethod
    def _keys_are_random(cls, value: SecretStr) -> SecretStr:
        keys = decode_keys(value.get_secret_value())
        if not keys:
            raise ValueError("is empty: give at least one key")
        for key in keys:
            if len(key) != KEY_BYTES:
                raise ValueError(f"holds a key of {len(key)} bytes: each must be {KEY_BYTES} random bytes in base64")
            if len(set(key)) < LEAST_DISTINCT_BYTES:
                raise ValueError("holds a key that is not random")
        return value

    @field_validator("database_url")
    @classmethod
    def _names_a_postgresql(cls, value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            found = parts.scheme.partition("+")[0] in {"postgresql", "postgres"} and parts.port != 0
        except ValueError:  # the port is no number
            found = False
        if not found or "://" not in value.get_secret_value():
            raise ValueError("is not an address such as postgresql://user:password@host/stayline")
        if unknown := sorted(set(parse_qs(parts.query)) - ADDRESS_PARAMETERS):
            raise ValueError(f"has the parameter {unknown[0]}; known are {', '.join(sorted(ADDRESS_PARAMETERS))}")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("is not a time zone such as Asia/Shanghai") from error
        return value

    @field_validator("working_hours")
    @classmethod
    def _hours_begin_before_they_end(cls, value: str) -> str:
        for part in value.lower().split(","):
            found = _HOURS.fullmatch(part.strip())
            if not found or found["begin"] >= found["end"]:
                raise ValueError("is not written like `mon-fri 09:00-18:00, sat 10:00-14:00`")
        return value.lower()

    @field_validator("allowed_origins", "frame_ancestors")
    @classmethod
    def _origins_are_whole(cls, value: list[str]) -> list[str]:
        if not all(_ORIGIN.fullmatch(one) for one in value):
            raise ValueError("is not a list of origins such as https://crm.example")
        return value

    @field_validator("jwt_jwks")
    @classmethod
    def _jwks_is_a_file_or_an_address(cls, value: str | None) -> str | None:
        if value and "://" in value and urlsplit(value).scheme not in {"https", "http"}:
            raise ValueError("is neither a file nor an https address")
        return value

    @model_validator(mode="after")
    def _tokens_are_told_of_whole(self) -> Self:
        told = [self.jwt_issuer, self.jwt_audience, self.jwt_jwks]
        if any(told) and not all(told):
            raise ValueError("is one of three that belong together: ISSUER, AUDIENCE and JWKS")
        if self.jwt_issuer == "stayline":
            raise ValueError("must not be `stayline`: so are our own tokens named")
        return self

    @property
    def keys(self) -> list[bytes]:
        """Master keys, 32 bytes each: the first wraps new data keys, all of them unwrap."""
        return decode_keys(self.master_keys.get_secret_value())

    @property
    def stale_after(self) -> timedelta:
        return timedelta(days=self.stale_after_days)

    @property
    def timezone_if_set(self) -> str | None:
        """The operator's time zone if it was told: a zone that nobody chose says nothing of a subscriber's clock."""
        return self.timezone if "timezone" in self.model_fields_set else None

    def today(self, at: datetime) -> date:
        """The operator's date at this time: snapshots and contracts are dated by it."""
        return self._local(at).date()

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.timezone))

    def next_noon(self, at: datetime) -> datetime:
        """The operator's next noon after this time."""
        local = self._local(at)
        noon = local.replace(hour=12, minute=0, second=0, microsecond=0)
        return noon if noon > local else noon + timedelta(days=1)

    def month_of(self, at: datetime) -> datetime:
        """When the operator's month began."""
        local = self._local(at)
        return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the environment, or say in one line which variable is wrong."""
        variables = {name: PREFIX + name.upper() for name in cls.model_fields}
        given = {name: environment[variable] for name, variable in variables.items() if variable in environment}
        if "DATABASE_URL" in environment:
            given["database_url"] = environment["DATABASE_URL"]
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsRefused("; ".join(_sentence(dict(problem)) for problem in error.errors())) from None


def decode_keys(text: str) -> list[bytes]:
    try:
        return [base64.b64decode(part, validate=True) for part in text.replace(",", " ").split()]
    except binascii.Error as error:
        raise ValueError("is not base64") from error


_MISSING_HINTS = {
    "DATABASE_URL": "is not set: Stayline needs a PostgreSQL, for example postgresql://user:password@host/stayline",
    "STAYLINE_MASTER_KEYS": "is not set: make one with `openssl rand -base64 32` and keep it safe",
}


def _sentence(problem: dict[str, object]) -> str:
    location = problem["loc"]
    field = str(location[0]) if isinstance(location, tuple) and location else "jwt_*"  # all rules over several are its
    name = "DATABASE_URL" if field.lower() == "database_url" else f"STAYLINE_{field.upper()}"
    if problem["type"] == "missing":
        return f"{name} {_MISSING_HINTS.get(name, 'is not set')}"
    return f"{name} {str(problem['msg']).removeprefix('Value error, ')}"
