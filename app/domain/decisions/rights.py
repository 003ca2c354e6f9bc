"""A decision to contact somebody is the right to do so: until it is used, or lapses, it counts as if it were used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.decisions.context import Contact
from app.domain.interactions import Channel


@dataclass(frozen=True, slots=True)
class Right:
    """What a caller was given lately; one's own is replaced by what one is given now."""

    channel: Channel
    at: datetime
    caller: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A contact of ours, and who recorded it."""

    channel: Channel
    at: datetime
    caller: str


def pending(rights: Iterable[Right], made: Iterable[Made]) -> tuple[Contact, ...]:
    """Return the rights of others that are still to be used: each contact uses one right of the caller that made it.

    One's own first. Of a caller's other rights it does not matter which: as many are left either way.
    """
    left = sorted(rights, key=lambda right: (not right.is_own, right.at))
    for contact in sorted(made, key=lambda contact: contact.at):
        used = next((right for right in left if _uses(contact, right)), None)
        if used:
            left.remove(used)
    return tuple(Contact(right.channel, right.at) for right in left if not right.is_own)


def _uses(contact: Made, right: Right) -> bool:
    same = (contact.caller, contact.channel) == (right.caller, right.channel)
    return same and contact.at >= right.at
