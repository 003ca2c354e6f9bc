"""What the care desk of the demo has done so far: some cases analysed, some cared for, some ended well."""

import random
from datetime import timedelta
from typing import Any, Final

from app.db import transaction
from app.demo.month import SEED, Month
from app.domain.care_cases import likely_cause
from app.services import care_cases

_MOST: Final = 1000
_WORKED_ON: Final = 0.6  # of the cases; of these so many are cared for, and of those so many are well again
_CARED_FOR: Final = 0.6
_WELL: Final = 0.7
_ANALYSES: Final = (
    "Was passed on twice and had to tell it again each time",
    "The bill was right, and nobody explained it",
    "The promise was kept a day late and not apologised for",
)
_CARE: Final = (
    "Called by the one who owns the case, explained and apologised",
    "A named contact until the next bill has come",
    "Visited in the shop, settings put right together",
)


async def care(month: Month) -> None:
    """Work through the pool as a desk does: not all of it, and not all of it to the end."""
    chance = random.Random(SEED)  # noqa: S311  # made-up work, not secrets
    async with transaction(month.sessions) as session:
        asked = care_cases.wanted(is_open=True)
        for seen in await care_cases.list_care_cases(session, *asked, at=month.at, before=None, limit=_MOST):
            steps = _steps(chance, likely_cause(seen.complaint_type, seen.need).value)
            for number, step in enumerate(steps, 1):
                at = min(month.at, seen.case.opened_at + timedelta(days=2 * number))
                care_cases.update_care_case(seen, month.vault, month.caller, step, at)


def _steps(chance: random.Random, cause: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [
        {"stage": "analysed", "cause": cause, "analysis": chance.choice(_ANALYSES)},
        {"stage": "cared", "care_given": chance.choice(_CARE)},
        {"stage": "evaluated", "satisfied": True},
    ]
    done = 0
    while done < len(steps) and chance.random() < (_WORKED_ON, _CARED_FOR, _WELL)[done]:
        done += 1
    return steps[:done]
