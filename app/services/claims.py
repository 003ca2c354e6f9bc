"""Claims: the right to be the only one who contacts a person for a purpose. One winner, and it expires by itself."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller
from app.errors import Conflict, Forbidden, NotFound
from app.models import ContactClaim
from app.models.base import new_id
from app.schemas.claims import ClaimCreate
from app.services.access import require_agent
from app.services.subscribers import hold_person, list_identity

OVERRIDE: Final = "privacy:admin"  # what an administrator's key carries, and no desk's


class AlreadyClaimed(Conflict):
    """Somebody holds the right to contact this person for this purpose."""


class ClaimNotFound(NotFound):
    """There is no such claim."""


class NotTheirClaim(Forbidden):
    """The claim is another's."""


async def claim(session: AsyncSession, caller: Caller, wanted: ClaimCreate, at: datetime) -> ContactClaim:
    """Claim a person for a purpose, by whichever of their ids; raises AlreadyClaimed."""
    require_agent(caller, wanted.owner)
    await hold_person(session, wanted.subscriber_id)
    identity = await list_identity(session, wanted.subscriber_id)
    held = select(ContactClaim).where(
        ContactClaim.subscriber_id.in_(identity),
        ContactClaim.purpose == wanted.purpose,
        ContactClaim.released_at.is_(None),
        ContactClaim.expires_at > at,
    )
    if other := await session.scalar(held.order_by(ContactClaim.expires_at.desc()).limit(1)):
        until = other.expires_at.isoformat(timespec="seconds")
        raise AlreadyClaimed(f"{other.owner} holds the right to contact for {wanted.purpose} until {until}")
    made = ContactClaim(
        id=new_id(),
        subscriber_id=wanted.subscriber_id,
        purpose=wanted.purpose,
        owner=wanted.owner,
        caller_id=caller.id,
        claimed_at=at,
        expires_at=at + timedelta(seconds=wanted.ttl_seconds),
    )
    session.add(made)
    await session.flush()
    return made


async def release(session: AsyncSession, caller: Caller, claim_id: UUID, at: datetime) -> None:
    """Give a claim back; once more changes nothing. Raises NotTheirClaim for whoever neither made nor owns it."""
    found = await session.get(ContactClaim, claim_id, with_for_update=True)
    if found is None:
        raise ClaimNotFound("there is no claim with this id")
    is_theirs = caller.agent_id == found.owner if caller.agent_id else caller.id == found.caller_id
    if not is_theirs and OVERRIDE not in caller.scopes:
        raise NotTheirClaim("only a claim's owner may release it")
    if found.released_at is None:
        found.released_at = max(at, found.claimed_at)
