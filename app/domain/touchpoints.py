"""What a touchpoint is: of which kind, at which stage, for whom, and with which one promise."""

from enum import StrEnum


class Category(StrEnum):
    COMMUNICATION = "communication"
    CHANNEL = "channel"
    PERSONNEL = "personnel"
    BRAND = "brand"


class JourneyStage(StrEnum):
    """In the order in which a subscriber comes through them."""

    SEARCH = "search"
    SITE = "site"
    SHOPPING = "shopping"
    SATISFACTION = "satisfaction"


class TouchpointKind(StrEnum):
    PERSON_PERSON = "person_person"
    PERSON_ENVIRONMENT = "person_environment"


class Sense(StrEnum):
    """By which it is met: a sign is visual, a door physical, a smell sensory, a conversation communication."""

    VISUAL = "visual"
    PHYSICAL = "physical"
    SENSORY = "sensory"
    COMMUNICATION = "communication"


class CustomerType(StrEnum):
    PROSPECT = "prospect"
    CONSUMER = "consumer"
    BUSINESS = "business"
    GROUP = "group"
    VIP = "vip"


class ServiceKind(StrEnum):
    MOBILE = "mobile"
    BROADBAND = "broadband"
    TV = "tv"
    ROAMING = "roaming"
    DEVICE = "device"
    BILLING = "billing"


class Discovery(StrEnum):
    """How it was found: by going out from the business, or by following the customer in."""

    OUTWARD = "outward"
    INWARD = "inward"
