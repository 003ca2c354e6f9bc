"""Group churn: a group that is about to leave shows it in its calls and its bill before anybody says so.

Three signals, each of a group as a whole, from one month to the next (requirements D4 to D6). One or two have harmless
reasons, such as a holiday or a cheaper plan: only all three together are a warning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class WarningKind(StrEnum):
    GROUP_CHURN = "group_churn"


class WarningSource(StrEnum):
    SIGNALS = "signals"
    REPORTED = "reported"


class WarningResult(StrEnum):
    """What became of the group: the share of `false_alarm` tells how well the signals are laid."""

    KEPT = "kept"
    LEFT = "left"
    FALSE_ALARM = "false_alarm"


class Signal(StrEnum):
    """What is compared: calls forwarded a member and month; revenue a month; off-net to on-net calls."""

    FORWARDING = "forwarding"
    BILL = "bill"
    OFFNET = "offnet"


class Measure(StrEnum):
    """The playbook: what is done for a group as a whole, in this order."""

    VISIT_DECISION_MAKER = "visit_decision_maker"
    CHECK_NETWORK_ON_SITE = "check_network_on_site"
    REVIEW_CONTRACT = "review_contract"
    PROPOSE_GROUP_TERMS = "propose_group_terms"


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure of a group a month ago and in its latest snapshots."""

    before: float
    after: float


LEAST_MEMBERS: Final = 3
MONTH_DAYS: Final = 28
RESTS: Final = timedelta(days=30)  # after a warning was closed the group is not warned of again so soon
PLAYBOOK: Final[Mapping[Measure, timedelta]] = MappingProxyType(
    {
        Measure.VISIT_DECISION_MAKER: timedelta(days=2),
        Measure.CHECK_NETWORK_ON_SITE: timedelta(days=5),
        Measure.REVIEW_CONTRACT: timedelta(days=7),
        Measure.PROPOSE_GROUP_TERMS: timedelta(days=10),
    }
)
_FORWARDING_GROWTH: Final = 2.0  # of forwarded calls, one added to both months so that few are not many
_BILL_LEFT: Final = 0.8
_OFFNET_GROWTH: Final = 1.5
_OFFNET_LEAST_RISE: Final = 0.1
_SHOWS: Final[Mapping[Signal, Callable[[Reading], bool]]] = MappingProxyType(
    {
        Signal.FORWARDING: lambda r: r.after + 1 >= _FORWARDING_GROWTH * (r.before + 1),
        Signal.BILL: lambda r: r.before > 0 and r.after <= _BILL_LEFT * r.before,
        Signal.OFFNET: lambda r: r.after >= _OFFNET_GROWTH * r.before and r.after - r.before >= _OFFNET_LEAST_RISE,
    }
)


def warns(readings: Mapping[Signal, Reading]) -> bool:
    """Tell whether all signals show; one that was not read does not."""
    return all(signal in readings and shows(readings[signal]) for signal, shows in _SHOWS.items())


def due_times(opened_at: datetime) -> dict[Measure, datetime]:
    """Say by when each measure of the playbook is due."""
    return {measure: opened_at + within for measure, within in PLAYBOOK.items()}
