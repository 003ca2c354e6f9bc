"""Where a subscriber stands, and how what identifies them is shown."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

SUBSCRIBER_ID: Final = "[A-Za-z0-9._:-]{1,64}"  # the operator's own key, as a regular expression


class SubscriberStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ARREARS = "arrears"
    CHURNED = "churned"
    UNKNOWN = "unknown"


class Payer(StrEnum):
    """Who pays: the subscriber, or the group they belong to."""

    SELF = "self"
    GROUP = "group"


class Locality(StrEnum):
    LOCAL = "local"
    FLOATING = "floating"


class OwnerRole(StrEnum):
    """What the owner is there for: to win subscribers, or to keep and grow them."""

    HUNTER = "hunter"
    FARMER = "farmer"


# Those the operator cut off itself: trying to keep them is wasted.
INVOLUNTARY: Final = frozenset({SubscriberStatus.SUSPENDED, SubscriberStatus.ARREARS})

MASK: Final = "•"
_SHOWN_DIGITS: Final = 4


def mask_phone(phone: str) -> str:
    """Keep the last four digits."""
    return MASK * (len(phone) - _SHOWN_DIGITS) + phone[-_SHOWN_DIGITS:]


def mask_text(text: str) -> str:
    """Keep the first character: enough for an agent to confirm what the subscriber says."""
    return text[:1] + MASK * 3


def mask_email(email: str) -> str:
    name, _, host = email.partition("@")
    return f"{mask_text(name)}@{host}"


def mask_many(values: Sequence[str]) -> str:
    """Tell no more than how many there are: they are other people's numbers."""
    return str(len(values))
