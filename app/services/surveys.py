"""Survey responses: scored by their weights, sealed where somebody speaks, acted on where somebody is unhappy."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.expectations import Expectation
from app.domain.surveys import Answer, Family, Role, is_dissatisfied, score_of
from app.domain.tasks import TaskSource
from app.errors import Invalid, NotFound, Violation
from app.models import SatisfactionTarget, Subscriber, SurveyResponse
from app.models.base import new_id
from app.schemas.surveys import SurveyResponseCreate
from app.services import care_cases, complaints, references, subscribers, tasks, touchpoints
from app.services.access import require_agent
from app.services.complaints import Desk
from app.services.interactions import require_past

NOUN: Final = "survey"
COMMENT: Final = "comment"
_ON_THE_SCALE: Final = ("score", "ideal", "adequate", "perceived")


class SurveyResponseNotFound(NotFound):
    """There is no such survey response."""


class AnswersRefused(Invalid):
    """The answers do not fit the survey's scale."""


async def record_response(
    session: AsyncSession, desk: Desk, response: SurveyResponseCreate
) -> tuple[SurveyResponse, Subscriber | None, bool]:
    """Record a response; tells whether it is new, since a caller's own reference is taken once.

    An unhappy subscriber joins the pool; a callback is thereby made, and if it was about a complaint and the answer
    was unhappy, the complaint is opened again: all of it in this transaction, or none.
    """
    require_past(response.answered_at, desk.at, "/answered_at")
    answers = _checked(response)
    if response.client_reference and (known := await _find_by_reference(session, desk, response.client_reference)):
        return *known, False
    subscriber = await _subscriber_of(session, response)
    await touchpoints.require_touchpoint(session, response.touchpoint)
    recorded = _recorded(response, answers, subscriber, desk)
    session.add(recorded)
    await session.flush()
    if response.client_reference:
        references.keep_reference(
            session, desk.caller, NOUN, response.client_reference, response.subscriber_id, recorded.id
        )
    if subscriber is not None:
        await _act_on(session, desk, recorded, subscriber)
    return recorded, subscriber, True


def _checked(response: SurveyResponseCreate) -> list[Answer]:
    """Return the answers; raises AnswersRefused naming each value that is not on the scale or not there."""
    answers = [answer.as_domain() for answer in response.answers]
    if faults := list(_faults(answers, response.scale_max)):
        raise AnswersRefused(f"the answers do not fit a scale of 1 to {response.scale_max}", faults)
    return answers


def _faults(answers: Sequence[Answer], scale_max: int) -> Iterator[Violation]:
    for index, answer in enumerate(answers):
        if answer.rating is None:
            yield Violation(f"/answers/{index}", "needs a score, or how the service was perceived")
        for name in _ON_THE_SCALE:
            value = getattr(answer, name)
            if value is not None and value > scale_max:
                yield Violation(f"/answers/{index}/{name}", f"must be between 1 and {scale_max}")


async def _find_by_reference(
    session: AsyncSession, desk: Desk, reference: str
) -> tuple[SurveyResponse, Subscriber | None] | None:
    known = await references.find_reference(session, desk.caller, NOUN, reference)
    return await get_response(session, known.fact_id) if known else None


async def _subscriber_of(session: AsyncSession, response: SurveyResponseCreate) -> Subscriber | None:
    if response.subscriber_id is None:
        return None
    return await subscribers.hold_subscriber(session, response.subscriber_id)


def _recorded(
    response: SurveyResponseCreate, answers: Sequence[Answer], subscriber: Subscriber | None, desk: Desk
) -> SurveyResponse:
    score = score_of(answers)
    said = response.model_dump(exclude={"answers", "comment", "agent_id"})
    words = subscribers.vault_of(subscriber, desk.vault) if subscriber else None
    return SurveyResponse(
        **said,
        id=new_id(),
        answers=[answer.model_dump(mode="json") for answer in response.answers],
        score=score,
        dissatisfied=is_dissatisfied(answers, score, response.scale_max),
        comment=words.seal(response.comment.encode(), COMMENT) if words and response.comment else None,
        agent_id=require_agent(desk.caller, response.agent_id, "agent_id") if response.agent_id else None,
        caller_id=desk.caller.id,
        recorded_at=desk.at,
    )


async def _act_on(session: AsyncSession, desk: Desk, response: SurveyResponse, subscriber: Subscriber) -> None:
    if response.callback_id is not None:
        callback = await tasks.complete_callback(session, subscriber.subscriber_id, response.callback_id, desk.at)
        if response.dissatisfied and callback.source == TaskSource.COMPLAINT:
            await complaints.reopen_unhappy(session, desk, callback.source_id)
    if response.dissatisfied:
        await care_cases.join_pool(session, subscriber, NOUN, response.id, response.answered_at, desk.at)


async def get_response(session: AsyncSession, response_id: UUID) -> tuple[SurveyResponse, Subscriber | None]:
    query = select(SurveyResponse, Subscriber).outerjoin(
        Subscriber, Subscriber.subscriber_id == SurveyResponse.subscriber_id
    )
    found = (await session.execute(query.where(SurveyResponse.id == response_id))).first()
    if found is None:
        raise SurveyResponseNotFound("there is no survey response with this id")
    response, subscriber = found
    return response, subscriber


async def list_responses(
    session: AsyncSession, subscriber_id: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[tuple[SurveyResponse, Subscriber]]:
    """List a person's responses under all their ids, latest first, from before the given one on."""
    identity = await subscribers.list_identity(session, subscriber_id)
    query = select(SurveyResponse, Subscriber).join(
        Subscriber, Subscriber.subscriber_id == SurveyResponse.subscriber_id
    )
    query = query.where(SurveyResponse.subscriber_id.in_(identity))
    if before:
        query = query.where(tuple_(SurveyResponse.answered_at, SurveyResponse.id) < tuple_(*before))
    latest = query.order_by(SurveyResponse.answered_at.desc(), SurveyResponse.id.desc()).limit(limit)
    return [(response, subscriber) for response, subscriber in await session.execute(latest)]


# Answers on different scales meet on 0…100. Whoever wished for less than would do has misunderstood: only counted.
_GAPS: Final = text("""
    SELECT touchpoint, dimension, count(*) AS answers,
           count(*) FILTER (WHERE ideal < adequate) AS inconsistent,
           avg(ideal) FILTER (WHERE NOT coalesce(ideal < adequate, false)) AS ideal,
           avg(adequate) FILTER (WHERE NOT coalesce(ideal < adequate, false)) AS adequate,
           avg(perceived) FILTER (WHERE NOT coalesce(ideal < adequate, false)) AS perceived
    FROM (
        SELECT r.touchpoint, a ->> 'dimension' AS dimension,
               ((a ->> 'ideal')::float - 1) / (r.scale_max - 1) * 100 AS ideal,
               ((a ->> 'adequate')::float - 1) / (r.scale_max - 1) * 100 AS adequate,
               ((a ->> 'perceived')::float - 1) / (r.scale_max - 1) * 100 AS perceived
        FROM survey_responses r CROSS JOIN LATERAL jsonb_array_elements(r.answers) a
        WHERE r.family = :family
          AND (CAST(:touchpoint AS text) IS NULL OR r.touchpoint = :touchpoint)
          AND (CAST(:survey AS text) IS NULL OR r.survey = :survey)
          AND (CAST(:subscriber_id AS text) IS NULL OR r.subscriber_id = :subscriber_id)
          AND a ->> 'perceived' IS NOT NULL
    ) item
    GROUP BY touchpoint, dimension ORDER BY touchpoint, dimension
""")


async def list_gaps(session: AsyncSession, family: Family, **equal: str | None) -> list[dict[str, Any]]:
    """Return the gaps of each touchpoint and quality dimension within one family; `equal` narrows the responses."""
    rows = await session.execute(_GAPS, {"family": family.value, **equal})
    return [dict(row._mapping) | _gap(row.ideal, row.adequate, row.perceived) for row in rows]  # noqa: SLF001  # the documented way to a row's columns


def _gap(ideal: float | None, adequate: float | None, perceived: float | None) -> dict[str, Any]:
    if ideal is None or adequate is None or perceived is None:
        names = ("adequacy_gap", "superiority_gap", "zone_width", "zone", "dissatisfied")
        return dict.fromkeys(names)
    found = Expectation(ideal, adequate, perceived)
    return {
        "adequacy_gap": found.adequacy_gap,
        "superiority_gap": found.superiority_gap,
        "zone_width": found.zone_width,
        "zone": found.zone,
        "dissatisfied": found.is_dissatisfied,
    }


async def put_target(session: AsyncSession, family: Family, role: Role, target: float, at: datetime) -> None:
    values = {"target": target, "updated_at": at}
    statement = insert(SatisfactionTarget).values(family=family.value, role=role.value, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["family", "role"], set_=values))


async def list_targets(session: AsyncSession) -> Sequence[SatisfactionTarget]:
    query = select(SatisfactionTarget).order_by(SatisfactionTarget.family, SatisfactionTarget.role)
    return (await session.scalars(query)).all()
