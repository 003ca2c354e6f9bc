"""May we make this contact now? Opt-outs and caps gate what we start, never the answer to someone who came to us."""

from datetime import datetime
from typing import Final

from app.domain.decisions.context import Action, ActionKind, Cap, DecisionContext
from app.domain.decisions.trace import Removal, Rule
from app.domain.interactions import Direction

ALL_CONTACT: Final = "all"


def _opted_out(context: DecisionContext, action: Action) -> Removal | None:
    if context.direction is Direction.INBOUND:
        return None
    refused = {ALL_CONTACT, context.channel.value} | ({"marketing"} if action.kind is ActionKind.OFFER else set())
    found = sorted(refused & context.opted_out)
    return Removal("OPTED_OUT", f"the subscriber refuses {found[0]} contact") if found else None


def _no_sale_over_a_complaint(context: DecisionContext, action: Action) -> Removal | None:
    """First solve, then sell; also when they called us."""
    if action.kind is ActionKind.OFFER and context.open_complaints:
        return Removal("COMPLAINT_OPEN", f"{context.open_complaints} complaint(s) open: no offer until solved")
    return None


def _cap(context: DecisionContext, action: Action) -> Removal | None:
    if context.direction is Direction.INBOUND:
        return None
    reached = [removal for cap in action.caps if (removal := _cap_reached(context, action, cap))]
    return max(reached, key=lambda removal: removal.free_again_at or context.at, default=None)


def _cap_reached(context: DecisionContext, action: Action, cap: Cap) -> Removal | None:
    used = _used(context, action, cap)
    if len(used) < cap.max:
        return None
    free_again = used[len(used) - cap.max] + cap.window
    detail = f"{len(used)} of {cap.max} {context.channel} contact(s) in {cap.window_days} days, free again on"
    return Removal("CONTACT_CAP", f"{detail} {free_again.isoformat(timespec='minutes')}", free_again)


def _used(context: DecisionContext, action: Action, cap: Cap) -> list[datetime]:
    """Times that use the cap, oldest first: contacts over this channel, and the offer accepted."""
    contacts = [contact.at for contact in context.contacts if contact.channel is context.channel]
    # An offer accepted on the call that made it is one contact, not two.
    days = {at.date() for at in contacts}
    accepted = [
        acceptance.at
        for acceptance in context.acceptances
        if action.kind is ActionKind.OFFER and acceptance.action == action.code and acceptance.at.date() not in days
    ]
    # No upper bound: a clock that runs a little ahead of ours makes a contact no less of one.
    return sorted(at for at in contacts + accepted if at > context.at - cap.window)


RULES: Final[tuple[Rule, ...]] = (_opted_out, _no_sale_over_a_complaint, _cap)
