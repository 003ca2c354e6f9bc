"""What callers ask for, by the number of the request."""

from itertools import count

from tests.factories.contacts import call
from tests.factories.subscribers import LEAVING
from tests.weather.ledger import SUBSCRIBERS
from tests.weather.load import Asked

_owners = count()


def score(_: int) -> Asked:
    return "POST", "/v1/scores", {"features": LEAVING}


def contact(number: int, people: int = SUBSCRIBERS) -> Asked:
    return "POST", "/v1/interactions", call(f"weather-{number % people}")


def decision(number: int, people: int = SUBSCRIBERS) -> Asked:
    """Each for an owner of its own, so that none is the same question again."""
    body = {"subscriber_id": f"weather-{number % people}", "channel": "call", "direction": "inbound"}
    return "POST", "/v1/decisions", body | {"owner": f"desk-{next(_owners)}"}
