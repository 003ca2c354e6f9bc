"""Why the simulated subscribers leave, and what would keep them: the truth that models are to find."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CONTROL: Final = "none"
ARMS: Final = (CONTROL, "discount", "handset", "repair", "plan")
HORIZON_DAYS: Final = 90
HORIZON_MONTHS: Final = 3


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One reason to leave.

    `share` of the subscribers ever have it; once it is at its full, they leave within 90 days with the probability
    `leaves`. An arm takes the share `keeps` off their monthly hazard, `otherwise` where none is named; a negative share
    adds to it. `drivers` are the features that show it.
    """

    name: str
    share: float
    leaves: float
    keeps: Mapping[str, float] = field(default_factory=dict)
    otherwise: float = 0.0
    drivers: frozenset[str] = frozenset()


QUIET: Final = Mechanism("quiet", 0.0, 0.02)  # all the others
SLEEPING_DOG: Final = Mechanism("sleeping_dog", 0.12, 0.03, otherwise=-5.0)
GROUP_EXODUS: Final = Mechanism(
    "group_exodus",
    0.05,
    0.55,
    {"plan": 0.80, "discount": 0.10},
    drivers=frozenset({"forwarded_calls", "bill_trend", "offnet_share"}),
)
HIDDEN_CHURN: Final = Mechanism(
    "hidden_churn", 0.06, 0.45, {"handset": 0.80}, drivers=frozenset({"incoming_share", "outgoing_trend"})
)
ARREARS: Final = Mechanism("arrears", 0.06, 0.65, drivers=frozenset({"overdue_days"}))
NETWORK_FAULTS: Final = Mechanism(
    "network_faults", 0.07, 0.45, {"repair": 0.85}, drivers=frozenset({"faults_30d", "faults_90d", "complaints_90d"})
)
PROMO_LEAVER: Final = Mechanism(
    "promo_leaver", 0.03, 0.55, drivers=frozenset({"tenure_months", "on_promotion"}), keeps={"discount": 0.10}
)
PRICE_SEEKER: Final = Mechanism(
    "price_seeker",
    0.07,
    0.45,
    {"discount": 0.85, "plan": 0.10},
    drivers=frozenset({"bill_queries_30d", "bill_queries_90d"}),
)
DOWNGRADER: Final = Mechanism(
    "downgrader",
    0.05,
    0.40,
    {"plan": 0.80, "discount": 0.10},
    drivers=frozenset({"plan_enquiries_30d", "plan_enquiries_90d"}),
)
REIMBURSED: Final = Mechanism("reimbursed", 0.03, 0.55, drivers=frozenset({"reimbursement_ended"}))
MIGRANT: Final = Mechanism("migrant", 0.03, 0.55, drivers=frozenset({"away_share"}))

MECHANISMS: Final = (
    QUIET,
    SLEEPING_DOG,
    GROUP_EXODUS,
    HIDDEN_CHURN,
    ARREARS,
    NETWORK_FAULTS,
    PROMO_LEAVER,
    PRICE_SEEKER,
    DOWNGRADER,
    REIMBURSED,
    MIGRANT,
)
SHARES: Final = tuple(mechanism.share for mechanism in MECHANISMS[1:])


def index_of(mechanism: Mechanism) -> int:
    return MECHANISMS.index(mechanism)


def keeps_of(mechanism: Mechanism, arm: str) -> float:
    """The share of the hazard that an arm takes off; doing nothing takes none."""
    return 0.0 if arm == CONTROL else mechanism.keeps.get(arm, mechanism.otherwise)
