"""A person's contacts, latest first, in one round trip: they are asked for at every call."""

from binascii import a2b_base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json

from app.lane import Lane
from app.reach import Reach
from app.schemas.interactions import InteractionRead
from app.services.interactions import unseal_text
from app.services.subscribers import PERSON, not_found
from app.vault import Vault

Place = tuple[datetime, UUID]  # where in the order a contact stands
END: Final[Place] = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))  # after all there are
_SEALED: Final = ("reason", "request")
_TIMES: Final = ("occurred_at", "recorded_at")
_COLUMNS: Final = ", ".join(name for name in InteractionRead.model_fields if name not in _SEALED)
# Sealed bytes travel as base64 within the JSON.
_QUESTION: Final = f"""{PERSON}
SELECT json_build_object(
    'keys', (SELECT json_object_agg(subscriber_id, encode(data_key, 'base64')) FROM person),
    'contacts', (
        SELECT json_agg(row_to_json(i)) FROM (
            SELECT i.* FROM person p CROSS JOIN LATERAL (
                SELECT {_COLUMNS}, encode(reason, 'base64') AS reason, encode(request, 'base64') AS request
                FROM interactions WHERE subscriber_id = p.subscriber_id AND (occurred_at, id) < ($2, $3)
                ORDER BY occurred_at DESC, id DESC LIMIT $4
            ) i ORDER BY i.occurred_at DESC, i.id DESC LIMIT $4
        ) i
    )
)::text FROM me
"""  # noqa: S608  # only our own names are written into it


async def list_contacts(
    lane: Lane, vault: Vault, reach: Reach, subscriber_id: str, before: Place, limit: int
) -> list[dict[str, Any]]:
    """Return up to so many contacts from before a place, under all the person's ids, as InteractionRead shows them.

    Raises SubscriberNotFound.
    """
    found = await lane.ask(_QUESTION, subscriber_id, *before, limit, reach=reach)
    if found is None:
        raise not_found()
    facts = from_json(found)
    words = {id: vault.of(a2b_base64(key), id) for id, key in facts["keys"].items()}
    return [_shown(row, words[row["subscriber_id"]]) for row in facts["contacts"] or ()]


def _shown(row: Mapping[str, Any], words: Vault) -> dict[str, Any]:
    opened = {name: unseal_text(words, row[name] and a2b_base64(row[name]), name) for name in _SEALED}
    # As times, so that they are written as everywhere else.
    times = {name: datetime.fromisoformat(row[name]) for name in _TIMES}
    return {**row, **times, **opened}
