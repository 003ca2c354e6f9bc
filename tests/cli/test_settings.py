"""Settings: read once from the environment; a wrong one is named, and its value is not repeated."""

import base64
import hashlib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.settings import Settings, SettingsRefused

KEY = hashlib.sha256(b"the key of these tests").digest()
ENVIRONMENT = {
    "DATABASE_URL": "postgresql://stayline:s3cret@db/stayline",
    "STAYLINE_MASTER_KEYS": base64.b64encode(KEY).decode(),
}


def read(**variables: str) -> Settings:
    return Settings.read(ENVIRONMENT | variables)


def refusal(**variables: str) -> str:
    with pytest.raises(SettingsRefused) as refused:
        read(**variables)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def test_two_variables_are_enough() -> None:
    settings = read()
    assert settings.database_url.get_secret_value() == ENVIRONMENT["DATABASE_URL"]
    assert settings.keys == [KEY]
    assert (settings.currency, settings.timezone, settings.language) == ("USD", "UTC", "en")
    assert settings.stale_after == timedelta(days=settings.stale_after_days)


def test_every_setting_has_a_variable_with_the_prefix() -> None:
    settings = read(
        STAYLINE_CURRENCY="CNY",
        STAYLINE_TIMEZONE="Asia/Shanghai",
        STAYLINE_LANGUAGE="zh-CN",
        STAYLINE_MODELS_DIR="/srv/models",
        STAYLINE_REVENUE_FEATURES="avg_spend_6m, avg_spend_3m",
        STAYLINE_MARGIN_RATE="0.45",
        STAYLINE_STALE_AFTER_DAYS="7",
    )
    assert (settings.currency, settings.timezone, settings.language) == ("CNY", "Asia/Shanghai", "zh-CN")
    assert settings.models_dir == Path("/srv/models")
    assert settings.revenue_features == ["avg_spend_6m", "avg_spend_3m"]
    assert settings.margin_rate == Decimal("0.45")
    assert settings.stale_after == timedelta(days=7)


def test_variables_of_other_programs_are_not_read() -> None:
    assert read(TIMEZONE="Asia/Shanghai", CURRENCY="CNY") == read()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Europe/Zurich", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_one_of_the_world_s(zone: str) -> None:
    assert read(STAYLINE_TIMEZONE=zone).timezone == zone


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "Asia", "+08:00", "../../etc/passwd", "/etc/localtime", "x" * 300]
)
def test_anything_else_is_no_time_zone(zone: str) -> None:
    assert refusal(STAYLINE_TIMEZONE=zone) == "STAYLINE_TIMEZONE is not a time zone such as Asia/Shanghai"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STAYLINE_CURRENCY", "euro"),
        ("STAYLINE_LANGUAGE", "English"),
        ("STAYLINE_MARGIN_RATE", "0"),
        ("STAYLINE_MARGIN_RATE", "1.01"),
        ("STAYLINE_MARGIN_RATE", "NaN"),
        ("STAYLINE_STALE_AFTER_DAYS", "0"),
        ("STAYLINE_STALE_AFTER_DAYS", "a week"),
        ("STAYLINE_POOL_SIZE", "0"),
        ("STAYLINE_STORE_TIMEOUT_SECONDS", "inf"),
        ("STAYLINE_IDEMPOTENCY_HOURS", "23"),
        ("STAYLINE_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_setting_that_will_not_do_is_named(variable: str, value: str) -> None:
    assert refusal(**{variable: value}).startswith(f"{variable} ")


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsRefused) as refused:
        Settings.read({"STAYLINE_CURRENCY": "euro"})
    assert all(name in str(refused.value) for name in ("DATABASE_URL", "STAYLINE_MASTER_KEYS", "STAYLINE_CURRENCY"))


def test_several_master_keys_are_separated_by_commas_or_spaces_and_the_first_seals() -> None:
    older = hashlib.sha256(b"the key before").digest()
    texts = [base64.b64encode(key).decode() for key in (KEY, older)]
    for separator in (",", " ", ", ", "\n"):
        assert read(STAYLINE_MASTER_KEYS=separator.join(texts)).keys == [KEY, older]


@pytest.mark.parametrize("variable", ["STAYLINE_ALLOWED_ORIGINS", "STAYLINE_FRAME_ANCESTORS"])
@pytest.mark.parametrize(
    "origin",
    ["crm.example", "*", "'none'", "https://", "https://crm.example/", "ftp://crm.example", "https://a;script-src"],
)
def test_what_is_no_origin_is_refused(variable: str, origin: str) -> None:
    assert refusal(**{variable: origin}) == f"{variable} is not a list of origins such as https://crm.example"


def test_origins_are_parted_by_commas() -> None:
    told = read(STAYLINE_FRAME_ANCESTORS="https://crm.example, http://[::1]:8080")
    assert told.frame_ancestors == ["https://crm.example", "http://[::1]:8080"]


@pytest.mark.parametrize(
    "keys",
    [
        "",
        base64.b64encode(KEY[:31]).decode(),
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"abcdefgh" * 4).decode(),
        "correct horse battery staple",
        "schlüssel",
        base64.urlsafe_b64encode(b"\xfb\xff" * 16).decode(),
    ],
)
def test_a_master_key_that_is_not_32_random_bytes_is_refused_and_never_repeated(keys: str) -> None:
    sentence = refusal(STAYLINE_MASTER_KEYS=keys)
    assert sentence.startswith("STAYLINE_MASTER_KEYS ")
    assert not keys or keys not in sentence


def test_secrets_are_not_shown_with_the_settings() -> None:
    shown = repr(read()) + str(read())
    assert "s3cret" not in shown
    assert ENVIRONMENT["STAYLINE_MASTER_KEYS"] not in shown


@pytest.mark.parametrize("url", ["", "nonsense", "postgresql://u:s3cret@host:port/x", "mysql://u:s3cret@host/x"])
def test_an_address_that_names_no_postgresql_is_refused_and_never_repeated(url: str) -> None:
    sentence = refusal(DATABASE_URL=url)
    assert sentence.startswith("DATABASE_URL ")
    assert "s3cret" not in sentence


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"])
def test_any_of_the_usual_schemes_names_a_postgresql(scheme: str) -> None:
    assert read(DATABASE_URL=f"{scheme}://u:p@host:5432/x?sslmode=require")
