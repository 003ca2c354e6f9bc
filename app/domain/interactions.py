"""What a contact was about, told from its words when nobody said."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Channel(StrEnum):
    CALL = "call"
    APP = "app"
    SHOP = "shop"
    SMS = "sms"
    WEB = "web"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Phase(StrEnum):
    """Where in a purchase the contact came."""

    PRE_SALE = "pre_sale"
    DURING_SALE = "during_sale"
    AFTER_SALE = "after_sale"


class Sentiment(StrEnum):
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class OrderOutcome(StrEnum):
    """What became of an order the contact was about."""

    COMPLETED = "completed"
    PENDING = "pending"
    REFUSED = "refused"


class RefusalReason(StrEnum):
    """Why we could not take an order: the first three are resources the network does not have there."""

    NO_PORT = "no_port"
    NO_LINE = "no_line"
    NO_COVERAGE = "no_coverage"
    OUT_OF_STOCK = "out_of_stock"
    CREDIT = "credit"
    DOCUMENTS = "documents"
    OTHER = "other"


class Need(StrEnum):
    """What the contact was about; leaving and faults are told apart for those who work to keep subscribers."""

    LEAVE = "leave"
    COMPLAINT = "complaint"
    FAULT = "fault"
    BILLING = "billing"
    DEVICE_ENQUIRY = "device_enquiry"
    PLAN_ENQUIRY = "plan_enquiry"
    TRANSACT = "transact"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Classification:
    need: Need
    source: str


# The first need with a word in the text wins, so the order is by how much is lost when it is missed.
_WORDS: Final[tuple[tuple[Need, tuple[str, ...]], ...]] = (
    (
        Need.LEAVE,
        (
            "port out",
            "porting code",
            "cancel",
            "terminate",
            "port my number",
            "porting",
            "change operator",
            "leave for",
            "switch to another",
            "销户",
            "取消合约",
            "解约",
            "退网",
            "转网",
            "携号转网",
        ),
    ),
    (Need.COMPLAINT, ("complain", "unacceptable", "fed up", "third time", "投诉", "不满")),
    (
        Need.FAULT,
        (
            "no signal",
            "dropped call",
            "calls drop",
            "drops",
            "outage",
            "slow internet",
            "not working",
            "没信号",
            "断网",
            "故障",
        ),
    ),
    (Need.BILLING, ("bill", "charge", "invoice", "refund", "账单", "扣费", "话费")),
    (
        Need.DEVICE_ENQUIRY,
        ("handset", "phone screen", "battery", "phone upgrade", "router", "device", "手机", "屏幕", "光猫", "终端"),
    ),
    (Need.PLAN_ENQUIRY, ("plan", "tariff", "package", "roaming", "套餐", "资费", "漫游")),
    (Need.TRANSACT, ("activate", "renew", "top up", "change my", "order", "办理", "充值", "开通")),
)


def _pattern(word: str) -> re.Pattern[str]:
    # An English word may take any ending (charged, complaint) but no beginning (aeroplane); Chinese has no such bounds.
    return re.compile(rf"(?<![a-z]){word}" if word.isascii() else word)


_PATTERNS: Final = tuple((need, word, _pattern(word)) for need, words in _WORDS for word in words)


def classify_need(*answers: str | None) -> Classification:
    """Name the need behind the answers to the two questions, with the word that told it."""
    text = " ".join(answer for answer in answers if answer).lower()
    for need, word, pattern in _PATTERNS:
        if word in text and pattern.search(text):  # the first is cheap, and mostly the answer is no
            return Classification(need, f"rule:{word}")
    return Classification(Need.OTHER, "rule:none")
