"""The one question behind a decision: everything known of a person, under all their ids, in one round trip."""

from datetime import datetime, timedelta
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import driver
from app.schemas.policies import LONGEST_WINDOW_DAYS
from app.services.subscribers import PERSON

REMEMBERED: Final = timedelta(days=LONGEST_WINDOW_DAYS + 1)
_ASKED: Final = (
    "subscriber_id",
    "caller_id",
    "owner",
    "channel",
    "direction",
    "at",
    "since",
    "a_moment_ago",
    "today",
    "month",
)

# Rights are outbound decisions of the last minutes that
# chose something; one's own is what the same caller was given for the same owner.
_QUESTION: Final = f"""{PERSON},
contacts AS MATERIALIZED (
    SELECT i.channel, i.direction, i.occurred_at, i.recorded_at, i.sentiment, i.caller_id
    FROM person p JOIN interactions i USING (subscriber_id) WHERE i.occurred_at > $7
),
complained AS MATERIALIZED (
    SELECT c.status, c.network_fault_type, c.updated_at FROM person p JOIN complaints c USING (subscriber_id)
),
answered AS MATERIALIZED (
    SELECT r.answered_at, r.dissatisfied, r.recorded_at FROM person p JOIN survey_responses r USING (subscriber_id)
    ORDER BY r.answered_at DESC LIMIT 1
),
told AS MATERIALIZED (
    SELECT o.id, o.action, o.outcome, o.occurred_at, o.recorded_at, d.channel
    FROM person p JOIN outcomes o USING (pseudonym)
    JOIN decisions d ON (d.pseudonym, d.id) = (o.pseudonym, o.decision_id)
),
claimed AS MATERIALIZED (
    SELECT c.owner, c.purpose, c.expires_at, c.claimed_at, c.released_at
    FROM person p JOIN contact_claims c USING (subscriber_id) WHERE c.expires_at > $8
),
warned AS MATERIALIZED (
    SELECT w.opened_at, w.closed_at, w.updated_at FROM me JOIN group_warnings w USING (group_id)
),
snapshot AS MATERIALIZED (
    SELECT f.as_of, f.features, f.recorded_at FROM person p CROSS JOIN LATERAL (
        SELECT as_of, features, recorded_at FROM feature_snapshots
        WHERE subscriber_id = p.subscriber_id ORDER BY as_of DESC LIMIT 1
    ) f ORDER BY f.as_of DESC LIMIT 1
),
decided AS MATERIALIZED (
    SELECT d.* FROM person p JOIN decisions d USING (pseudonym) WHERE d.decided_at > $8
)
SELECT json_build_object(
    'me', (
        SELECT to_jsonb(me) - 'data_key' - 'contact' - 'phone_index' - 'consents' || jsonb_build_object(
            'data_key', encode(data_key, 'base64'), 'has_contact', contact IS NOT NULL,
            'has_phone', phone_index IS NOT NULL
        ) FROM me
    ),
    'policy', (SELECT version FROM policies ORDER BY id DESC LIMIT 1),
    'consents', (SELECT json_agg(consents) FROM person),
    'newest_fact', greatest(
        (SELECT max(updated_at) FROM person), (SELECT max(recorded_at) FROM contacts),
        (SELECT max(updated_at) FROM complained), (SELECT max(recorded_at) FROM answered),
        (SELECT max(recorded_at) FROM told), (SELECT max(greatest(claimed_at, released_at)) FROM claimed),
        (SELECT recorded_at FROM snapshot),
        (SELECT max(greatest(m.enrolled_at, c.updated_at))
         FROM person p JOIN campaign_members m USING (pseudonym) JOIN campaigns c ON c.id = m.campaign_id),
        (SELECT max(updated_at) FROM warned)
    ),
    'known_facts', (SELECT count(*) FROM contacts) + (SELECT count(*) FROM complained) + (SELECT count(*) FROM told),
    'snapshot', (SELECT row_to_json(snapshot) FROM snapshot),
    'contacts', (
        SELECT json_agg(json_build_array(channel, occurred_at) ORDER BY occurred_at)
        FROM contacts WHERE direction = 'outbound'
    ),
    'mood', (
        SELECT json_build_array(sentiment, occurred_at) FROM contacts
        WHERE sentiment IS NOT NULL ORDER BY occurred_at DESC LIMIT 1
    ),
    'answer', (SELECT row_to_json(answered) FROM answered),
    'open_complaints', (SELECT count(*) FROM complained WHERE status IN ('open', 'in_progress')),
    'open_faults', (SELECT count(network_fault_type) FROM complained WHERE status IN ('open', 'in_progress')),
    'outcomes', (
        SELECT json_agg(json_build_array(action, outcome, occurred_at, channel) ORDER BY occurred_at, id) FROM told
    ),
    'claims', (
        SELECT json_agg(json_build_array(owner, purpose, expires_at) ORDER BY expires_at) FROM claimed
        WHERE released_at IS NULL AND expires_at > $6
    ),
    'bill_is_flat', (
        SELECT g.flat_fee AND coalesce(me.payer, g.payer) = 'group' FROM me JOIN groups g USING (group_id)
    ),
    'group_at_risk_since', (SELECT opened_at FROM warned WHERE closed_at IS NULL),
    'recent', (
        SELECT json_build_object(
            'id', id, 'newest_fact', newest_fact, 'known_facts', inputs -> 'known_facts', 'policy', policy_version
        ) FROM decided
        WHERE pseudonym = (SELECT pseudonym FROM me) AND caller_id = $2
        AND inputs ->> 'owner' IS NOT DISTINCT FROM $3::text AND channel = $4 AND direction = $5
        ORDER BY decided_at DESC LIMIT 1
    ),
    'rights', (
        SELECT json_agg(json_build_array(channel, decided_at, caller_id,
                                         caller_id = $2 AND inputs ->> 'owner' IS NOT DISTINCT FROM $3::text))
        FROM decided WHERE direction = 'outbound' AND answer -> 'actions' <> '[]'
    ),
    'made', (
        SELECT json_agg(json_build_array(channel, occurred_at, caller_id))
        FROM contacts WHERE direction = 'outbound' AND occurred_at > $8
    ),
    'held', (
        SELECT json_agg(json_build_array(r.action, r.day, r.uses, r.cost::text, r.given_away::text))
        FROM person p JOIN reservations r USING (pseudonym) WHERE r.state = 'open'
    ),
    'campaigns', (
        SELECT json_agg(json_build_array(c.id, m.arm, to_json(c.actions)) ORDER BY c.id)
        FROM person p JOIN campaign_members m USING (pseudonym) JOIN campaigns c ON c.id = m.campaign_id
        WHERE c.state = 'running' AND $9 BETWEEN c.starts_on AND c.ends_on
    ),
    'pseudonyms', (SELECT json_agg(pseudonym) FROM person),
    'spent', (
        SELECT coalesce(sum(r.spending), 0)::text FROM person p JOIN reservations r USING (pseudonym)
        WHERE r.state = 'accepted' AND r.settled_at > $7
    ),
    'ledger', (
        SELECT json_agg(json_build_array(kind, key, amount::text)) FROM ledger_entries
        WHERE period = $9 OR (kind = 'arpu' AND period = $10)
    ),
    'base', (
        SELECT json_build_array(subscribers, monthly_revenue::text) FROM arpu_bases
        ORDER BY measured_at DESC LIMIT 1
    )
)::text FROM me
"""  # noqa: S608  # only our own words


async def find_facts(session: AsyncSession, **asked: Any) -> dict[str, Any] | None:
    """Return everything a decision about `subscriber_id` depends on as plain JSON; None if there is no such one."""
    at: datetime = asked["at"]
    asked["since"] = at - REMEMBERED
    found = await (await driver(session)).fetchval(_QUESTION, *(asked[name] for name in _ASKED))
    facts: dict[str, Any] | None = None if found is None else from_json(found)
    return facts
