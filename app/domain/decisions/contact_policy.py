"""May we make this contact now? What we start is bound by all of it; an answer to who came to us by little."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.decisions.context import Action, DecisionContext
from app.domain.decisions.policy import Cap
from app.domain.decisions.trace import Removal, Rule, minute
from app.domain.outcomes import OutcomeKind

ALL_CONTACT: Final = "all"


def _opted_out(context: DecisionContext, action: Action) -> Removal | None:
    if not context.is_ours:
        return None
    refused = {ALL_CONTACT, context.channel.value} | ({"marketing"} if action.is_sale else set())
    found = sorted(refused & context.opted_out)
    return Removal("OPTED_OUT", f"the subscriber refuses {found[0]} contact") if found else None


def _unreachable(context: DecisionContext, _: Action) -> Removal | None:
    if context.is_ours and not context.reachable:
        return Removal("UNREACHABLE", f"the contact data on file hold nothing to reach them by {context.channel} with")
    return None


def _claimed(context: DecisionContext, _: Action) -> Removal | None:
    """One voice at a time. Of several claims by others the last to end is told."""
    others = [claim for claim in context.claims if claim.owner != context.owner]
    if not context.is_ours or not others:
        return None
    last = max(others, key=lambda claim: claim.until)
    told = f"{last.owner} holds the right to contact for {last.purpose} until {minute(last.until)}"
    return Removal("ALREADY_CLAIMED", told, last.until)


def _another_keeper(context: DecisionContext, _: Action) -> Removal | None:
    """The one who keeps the relationship is its only outgoing voice."""
    if context.is_ours and context.owner and context.keeper and context.owner != context.keeper:
        return Removal("ANOTHER_KEEPER", f"the subscriber is kept by {context.keeper}")
    return None


def _quiet_hours(context: DecisionContext, _: Action) -> Removal | None:
    """By the subscriber's clock; where no time zone is known, nobody can tell what hour it is there."""
    quiet = context.policy.quiet_hours
    if not context.is_ours or quiet is None or context.timezone is None:
        return None
    local = context.at.astimezone(ZoneInfo(context.timezone))
    if not quiet.holds(local.time()):
        return None
    free = local.replace(hour=quiet.end.hour, minute=quiet.end.minute, second=0, microsecond=0)
    free = free if free > local else free + timedelta(days=1)
    told = f"it is {local:%H:%M} there, and quiet from {quiet.begin:%H:%M} to {quiet.end:%H:%M}"
    return Removal("QUIET_HOURS", told, free.astimezone(context.at.tzinfo))


def _no_sale_over_a_complaint(context: DecisionContext, action: Action) -> Removal | None:
    """First solve, then sell; also when they called us."""
    if action.is_sale and context.open_complaints:
        return Removal("COMPLAINT_OPEN", f"{context.open_complaints} complaint(s) open: no offer until solved")
    return None


def _no_sale_within_a_group_at_risk(context: DecisionContext, action: Action) -> Removal | None:
    """The group is won back as a whole: an offer to one of its members would undo what is negotiated for all."""
    if not action.is_sale or context.group_at_risk_since is None:
        return None
    told = f"their group may leave, warned of on {minute(context.group_at_risk_since)}: it is dealt with as a whole"
    return Removal("GROUP_AT_RISK", told)


def _no_sale_to_the_upset(context: DecisionContext, action: Action) -> Removal | None:
    if not action.is_sale or context.upset_at is None:
        return None
    calm = context.upset_at + timedelta(days=context.policy.mood_days)
    if context.at >= calm:
        return None
    told = f"in a bad mood since {minute(context.upset_at)}: no offer before {minute(calm)}"
    return Removal("UPSET", told, calm)


def _cool_down(context: DecisionContext, action: Action) -> Removal | None:
    """Who said no is not asked again for a while, which grows with each no; in the end for ever."""
    refusals = context.times_of(action, OutcomeKind.DECLINED)
    waits = context.policy.cool_down_days
    if not refusals or not waits:
        return None
    days = waits[min(len(refusals), len(waits)) - 1]
    told = f"declined {len(refusals)} time(s), last on {minute(refusals[-1])}"
    if days is None:
        return Removal("COOL_DOWN", f"{told}: not asked again, for ever")
    free = refusals[-1] + timedelta(days=days)
    if context.at >= free:
        return None
    return Removal("COOL_DOWN", f"{told}: free again on {minute(free)}", free)


def _accepted_already(context: DecisionContext, action: Action) -> Removal | None:
    """What somebody has just been given is not offered again while it lasts; what is no sale, while it is under way."""
    accepted = context.times_of(action, OutcomeKind.ACCEPTED)
    days = action.horizon_days if action.is_sale else context.policy.accepted_rest_days
    if not accepted or context.at >= (free := accepted[-1] + timedelta(days=days)):
        return None
    told = f"accepted on {minute(accepted[-1])}, free again on {minute(free)}"
    return Removal("ALREADY_ACCEPTED", told, free)


def _cap(context: DecisionContext, action: Action) -> Removal | None:
    if not context.is_ours:
        return None
    caps = (*action.caps, *context.policy.channel_caps.get(context.channel, ()))
    if not caps:
        return None
    used = _used(context, action)
    reached = [removal for cap in caps if (removal := _cap_reached(context, used, cap))]
    return max(reached, key=lambda removal: removal.free_again_at or context.at, default=None)


def _cap_reached(context: DecisionContext, used: list[datetime], cap: Cap) -> Removal | None:
    # No upper bound: a clock that runs a little ahead of ours makes a contact no less of one.
    used = [at for at in used if at > context.at - cap.window]
    if len(used) < cap.max:
        return None
    free_again = used[len(used) - cap.max] + cap.window
    detail = f"{len(used)} of {cap.max} {context.channel} contact(s) in {cap.window_days} days, free again on"
    return Removal("CONTACT_CAP", f"{detail} {minute(free_again)}", free_again)


def _used(context: DecisionContext, action: Action) -> list[datetime]:
    """Times that use a cap, oldest first: contacts over this channel, rights to one, and the offer accepted."""
    contacts = [contact.at for contact in context.contacts if contact.channel is context.channel]
    # An offer accepted on the call that made it is one contact, not two.
    days = {at.date() for at in contacts}
    accepted = context.times_of(action, OutcomeKind.ACCEPTED) if action.is_sale else []
    rights = [right.at for right in context.pending if right.channel is context.channel]
    return sorted([*contacts, *rights, *(at for at in accepted if at.date() not in days)])


RULES: Final[tuple[Rule, ...]] = (
    _opted_out,
    _unreachable,
    _claimed,
    _another_keeper,
    _quiet_hours,
    _no_sale_over_a_complaint,
    _no_sale_within_a_group_at_risk,
    _no_sale_to_the_upset,
    _cool_down,
    _cap,
    _accepted_already,
)
