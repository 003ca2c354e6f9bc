"""What the operator sees of it: usage, bills, faults and contacts of each month, each mechanism with its own signature.

Columns are months, from three before the first to the last; a rate or trend of 90 days is that of three.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from app.demo.operator.lives import Lives
from app.demo.operator.mechanisms import (
    ARREARS,
    DOWNGRADER,
    GROUP_EXODUS,
    HIDDEN_CHURN,
    MIGRANT,
    NETWORK_FAULTS,
    PRICE_SEEKER,
    REIMBURSED,
    SLEEPING_DOG,
    Mechanism,
)
from app.demo.operator.subscribers import EARLIER_MONTHS, Bools, Floats, Ints, Rng, Subscribers

WINDOW: Final = 3  # months in 90 days
DAYS_A_MONTH: Final = 30
Signals = Mapping[str, Floats]


def signals(rng: Rng, subscribers: Subscribers, lives: Lives) -> Signals:
    """Return each monthly signal [N, 3 + T] of the T months."""
    severity = lives.severity
    shape = (len(subscribers), severity.shape[1])

    def of(mechanism: Mechanism) -> Floats:
        return np.where(subscribers.has(mechanism)[:, None], severity, 0.0)

    def noisy(spread: float) -> Floats:
        return rng.lognormal(0, spread, shape)

    def each(values: Floats) -> Floats:
        return values[:, None]

    hidden, exodus, asleep = of(HIDDEN_CHURN), of(GROUP_EXODUS), of(SLEEPING_DOG)
    big = np.where(subscribers.has(HIDDEN_CHURN), 2.5, 1.0)
    outgoing = each(rng.lognormal(5.2, 0.5, shape[0]) * np.where(subscribers.has(SLEEPING_DOG), 0.3, 1.0))
    outgoing = outgoing * noisy(0.15) * (1 - 0.5 * hidden)
    incoming_share = np.clip(0.5 + rng.normal(0, 0.05, shape) + 0.25 * hidden, 0.05, 0.95)
    bill = each(rng.lognormal(3.8, 0.4, shape[0]) * big) * noisy(0.06)
    bill = bill * (1 - each(subscribers.depth) * exodus) * (1 - 0.15 * hidden)
    faults = rng.poisson(0.2 + 4.5 * of(NETWORK_FAULTS))
    late = rng.random(shape) < 0.1  # noqa: PLR2004  # a share
    overdue = np.where(late, rng.integers(1, 15, shape), 0) + of(ARREARS) * rng.integers(35, 80, shape)
    return {
        "outgoing_minutes": outgoing,
        "incoming_minutes": outgoing * incoming_share / (1 - incoming_share),
        "offnet_share": np.clip(0.45 * noisy(0.12) * (1 + 0.6 * exodus), 0, 1),
        "forwarded_calls": rng.poisson(0.6 + 8.4 * np.clip((exodus - 0.4) / 0.6, 0, 1) ** 1.3).astype(float),
        "data_gb": each(rng.lognormal(1.8, 0.7, shape[0])) * noisy(0.2),
        "silent_days": np.clip(rng.poisson(1.5 + 11 * asleep + 3 * hidden), 0, DAYS_A_MONTH).astype(float),
        "away_share": np.clip(rng.beta(1, 30, shape) + 0.6 * of(MIGRANT), 0, 1),
        "bill_amount": bill,
        "overdue_days": np.floor(overdue),
        "faults": faults.astype(float),
        "complaints": rng.binomial(faults, 0.25).astype(float),
        "bill_queries": rng.poisson(np.where(asleep > 0, 0, 0.8 * (1 + 7 * of(PRICE_SEEKER)))).astype(float),
        "plan_enquiries": rng.poisson(np.where(asleep > 0, 0, 0.2 + 4.5 * of(DOWNGRADER))).astype(float),
        "reimbursement_ended": ((of(REIMBURSED) > 0) | _by_chance(rng, subscribers, shape)).astype(float),
    }


def _by_chance(rng: Rng, subscribers: Subscribers, shape: tuple[int, int]) -> Bools:
    """Reimbursement also ends for some who stay all the same."""
    ends = rng.integers(-40, 40, shape[0])
    month = np.arange(shape[1])
    return np.asarray(subscribers.employer_paid[:, None] & (month >= ends[:, None]) & (ends[:, None] > 0))


def features(subscribers: Subscribers, lives: Lives, seen: Signals, month: int) -> dict[str, Floats | Ints]:
    """Return what is known at the end of a month: shares and trends rather than raw pairs, which hide them."""
    now = EARLIER_MONTHS + month - 1

    def trend(name: str) -> Floats:
        before = seen[name][:, now - WINDOW : now].mean(axis=1)
        return np.asarray(seen[name][:, now] / np.maximum(before, 1e-9))

    def within_90_days(name: str) -> Floats:
        return np.asarray(seen[name][:, now - WINDOW + 1 : now + 1].sum(axis=1))

    outgoing, incoming = (seen[name][:, now] for name in ("outgoing_minutes", "incoming_minutes"))
    campaigns = lives.approached & (lives.history <= month < lives.history + WINDOW)
    return {
        "tenure_months": month - subscribers.joined,
        "handset_age_months": subscribers.handset_age + month,
        "bill_amount": seen["bill_amount"][:, now],
        "bill_trend": trend("bill_amount"),
        "overdue_days": seen["overdue_days"][:, now],
        "outgoing_minutes": outgoing,
        "outgoing_trend": trend("outgoing_minutes"),
        "incoming_share": incoming / (incoming + outgoing),
        "offnet_share": seen["offnet_share"][:, now],
        "forwarded_calls": seen["forwarded_calls"][:, now],
        "data_gb": seen["data_gb"][:, now],
        "silent_days": seen["silent_days"][:, now],
        "away_share": seen["away_share"][:, now],
        "faults_30d": seen["faults"][:, now],
        "faults_90d": within_90_days("faults"),
        "complaints_90d": within_90_days("complaints"),
        "bill_queries_30d": seen["bill_queries"][:, now],
        "bill_queries_90d": within_90_days("bill_queries"),
        "plan_enquiries_30d": seen["plan_enquiries"][:, now],
        "plan_enquiries_90d": within_90_days("plan_enquiries"),
        "campaign_contacts_90d": campaigns.astype(int),
    }
