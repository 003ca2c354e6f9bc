"""A decision explained to the person it concerns: of what was stored of it when it was made."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.explanations import Language, explain
from app.domain.interactions import Channel
from app.schemas.decisions import AlternativeRead, ExplanationRead
from app.services.contests import find_alternative
from app.services.decisions import get_decision
from app.settings import Settings


async def explain_decision(
    session: AsyncSession, settings: Settings, decision_id: UUID, language: Language | None, at: datetime
) -> ExplanationRead:
    """Explain a decision in a language, the operator's own if none is asked for.

    Raises DecisionNotFound and SubscriberErased.
    """
    decision, subscriber = await get_decision(session, decision_id)
    spoken = language or Language(settings.language)
    told = explain(decision.answer, spoken)
    others = await find_alternative(session, settings, Channel(decision.channel), at, spoken)
    return ExplanationRead(
        decision_id=decision.id,
        subscriber_id=subscriber.subscriber_id,
        decided_at=decision.decided_at,
        language=spoken,
        alternative=[AlternativeRead.model_validate(each) for each in others],
        **{name: value if isinstance(value, str | None) else list(value) for name, value in asdict(told).items()},
    )
