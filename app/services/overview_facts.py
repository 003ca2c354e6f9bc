"""The one question behind an overview: everything about a person, under all their ids, in one round trip."""

from typing import Any, Final

from pydantic_core import from_json

from app.lane import Lane
from app.reach import Reach
from app.services.subscribers import PERSON

CONTACTS_SHOWN: Final = 10
COMPLAINTS_SHOWN: Final = 10
TASKS_SHOWN: Final = 20
ANSWERS_SHOWN: Final = 5

# Sealed bytes travel as base64 within the JSON.
_QUESTION: Final = f"""{PERSON}
SELECT json_build_object(
    'profile', (SELECT to_jsonb(me) - 'data_key' - 'contact' - 'phone_index' - 'pseudonym' FROM me),
    'contact', (SELECT encode(contact, 'base64') FROM me),
    'consents', (SELECT json_agg(consents) FROM person),
    'keys', (SELECT json_object_agg(subscriber_id, encode(data_key, 'base64')) FROM person),
    'snapshot', (
        SELECT json_build_object('as_of', f.as_of, 'features', f.features)
        FROM person p CROSS JOIN LATERAL (
            SELECT as_of, features FROM feature_snapshots
            WHERE subscriber_id = p.subscriber_id ORDER BY as_of DESC LIMIT 1
        ) f ORDER BY f.as_of DESC LIMIT 1
    ),
    'contacts', (
        SELECT json_agg(to_jsonb(i)) FROM (
            SELECT i.* FROM person p CROSS JOIN LATERAL (
                SELECT subscriber_id, id, occurred_at, touchpoint, channel, direction, need, agent_id, sentiment,
                       encode(reason, 'base64') AS reason, encode(request, 'base64') AS request
                FROM interactions WHERE subscriber_id = p.subscriber_id
                ORDER BY occurred_at DESC, id DESC LIMIT {CONTACTS_SHOWN}
            ) i ORDER BY i.occurred_at DESC, i.id DESC LIMIT {CONTACTS_SHOWN}
        ) i
    ),
    'complaints', (
        SELECT json_agg(to_jsonb(c)) FROM (
            SELECT c.subscriber_id, c.id, c.occurred_at, c.type, c.severity, c.status, c.owner, c.due_at, c.resolved_at,
                   c.transfer_count, encode(c.description, 'base64') AS description
            FROM person p JOIN complaints c ON c.subscriber_id = p.subscriber_id
            ORDER BY c.status IN ('open', 'in_progress') DESC, c.occurred_at DESC LIMIT {COMPLAINTS_SHOWN}
        ) c
    ),
    'answers', (
        SELECT json_agg(to_jsonb(r)) FROM (
            SELECT r.id, r.answered_at, r.touchpoint, r.scale_max, r.score, r.dissatisfied, r.answers
            FROM person p JOIN survey_responses r ON r.subscriber_id = p.subscriber_id
            ORDER BY r.answered_at DESC LIMIT {ANSWERS_SHOWN}
        ) r
    ),
    'tasks', (
        SELECT json_agg(to_jsonb(t)) FROM (
            SELECT t.id, t.kind, t.about, t.owner, t.due_at
            FROM person p JOIN tasks t ON t.subscriber_id = p.subscriber_id
            WHERE t.status = 'open' ORDER BY t.due_at, t.id LIMIT {TASKS_SHOWN}
        ) t
    ),
    'cases', (
        SELECT json_agg(to_jsonb(c)) FROM (
            SELECT c.id, c.stage, c.owner, c.opened_at, c.closed_at
            FROM person p JOIN care_cases c ON c.subscriber_id = p.subscriber_id
            ORDER BY c.opened_at DESC LIMIT {ANSWERS_SHOWN}
        ) c
    ),
    'group', (
        SELECT json_build_object('group_id', g.group_id, 'name', g.name, 'at_risk_since', w.opened_at, 'owner', w.owner)
        FROM me JOIN groups g USING (group_id)
        LEFT JOIN group_warnings w ON w.group_id = g.group_id AND w.closed_at IS NULL
    ),
    'decision', (
        SELECT json_build_object('id', d.id, 'decided_at', d.decided_at, 'channel', d.channel,
                                 'actions', d.answer -> 'actions', 'none_because', d.answer ->> 'none_because')
        FROM person p CROSS JOIN LATERAL (
            SELECT id, decided_at, channel, answer FROM decisions
            WHERE pseudonym = p.pseudonym ORDER BY decided_at DESC LIMIT 1
        ) d ORDER BY d.decided_at DESC LIMIT 1
    ),
    'answers_by_channel', (
        SELECT json_agg(json_build_array(d.channel, o.outcome))
        FROM person p JOIN outcomes o USING (pseudonym)
        JOIN decisions d ON (d.pseudonym, d.id) = (o.pseudonym, o.decision_id)
    ),
    'outcomes', (
        SELECT json_agg(to_jsonb(o)) FROM (
            SELECT o.id, o.decision_id, o.action, o.outcome, o.occurred_at
            FROM person p JOIN outcomes o ON o.pseudonym = p.pseudonym
            ORDER BY o.occurred_at DESC, o.id DESC LIMIT {ANSWERS_SHOWN}
        ) o
    )
)::text FROM me
"""  # noqa: S608  # only our own numbers are written into it


async def find_facts(lane: Lane, subscriber_id: str, reach: Reach) -> dict[str, Any] | None:
    """Return everything about a person as plain JSON, each part null where there is nothing; None if unknown."""
    found = await lane.ask(_QUESTION, subscriber_id, reach=reach)
    facts: dict[str, Any] | None = None if found is None else from_json(found)
    return facts
