"""The shipped catalogues: complete, answerable, and never over what an operator changed."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest

from app.db import create_engine, create_sessions, transaction
from app.domain.decisions.context import Facts, FactUnknown
from app.services import catalogue
from app.services.expressions import compile_rule
from app.settings import Settings

FACTS: Facts = {
    "subscriber": {"status": "active", "tenure_months": 3.0},
    "features": {"contract": "Month-to-month"},
    "score": {"probability": 0.7, "band": "high"},
    "complaints": {"open": 1, "open_faults": 0},
    "context": {},
}


def add_missing(settings: Settings) -> int:
    async def add() -> int:
        engine = create_engine(settings)
        async with transaction(create_sessions(engine)) as session:
            added = await catalogue.add_missing(session, datetime.now(UTC))
        await engine.dispose()
        return added

    return asyncio.run(add())


def test_what_is_there_is_not_added_again(settings: Settings) -> None:
    assert add_missing(settings) == 0


def test_what_is_missing_is_put_in_and_what_was_changed_stays(settings: Settings, store: psycopg.Connection) -> None:
    store.execute("DELETE FROM actions WHERE code = 'usage_tips'")
    store.execute("UPDATE actions SET contact_cost = 99 WHERE code = 'service_apology'")
    added = add_missing(settings)
    row = store.execute("SELECT contact_cost FROM actions WHERE code = 'service_apology'").fetchone()
    store.execute("UPDATE actions SET contact_cost = 2 WHERE code = 'service_apology'")

    assert added == 1
    assert row == (99,)


def test_what_promises_otherwise_than_the_operator_is_left_out(settings: Settings, store: psycopg.Connection) -> None:
    """Requirement F28: one need, one promise."""
    promise = "UPDATE touchpoints SET promise_hours = promise_hours + %s WHERE need = 'bill_dispute'"
    store.execute("DELETE FROM touchpoints WHERE code = 'bill_dispute_web'")
    store.execute(promise, [24])
    beside_another_promise = add_missing(settings)
    store.execute(promise, [-24])

    assert beside_another_promise == 0
    assert add_missing(settings) == 1


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("features.contract == 'Month-to-month' && score.band in ['high', 'critical']", True),
        ("complaints.open_faults > 0", False),
        ("score.probability >= 0.3", True),
        ("subscriber.tenure_months < 12.0", True),
        ("true", True),
        ("1", False),
        ("'yes'", False),
    ],
)
def test_a_rule_holds_where_it_is_true_and_nowhere_else(rule: str, *, holds: bool) -> None:
    assert compile_rule(rule)(FACTS) is holds


@pytest.mark.parametrize(
    "rule", ["features.tariff == 'S'", "score.band > 7", "score.probability / 0 > 1", "nobody.knows == 1"]
)
def test_a_rule_that_cannot_be_answered_says_so(rule: str) -> None:
    with pytest.raises(FactUnknown):
        compile_rule(rule)(FACTS)
