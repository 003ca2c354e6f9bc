"""What the sample does not tell of its subscribers, made up: without regions and brands nobody could see its sides.

Since when each is a subscriber follows from how many months the sample says.
"""

import csv
import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from app.demo.month import SEED
from app.domain.months import months_after

_REGIONS: Final = (("north", "east", "south", "west"), (4, 3, 2, 1))
_BRANDS: Final = (("go", "classic", "gold"), (5, 3, 2))


def write(path: Path, tenures: Mapping[str, int], today: date) -> None:
    """Write a table of where each lives, which brand they have and since when; the same tenures give the same table."""
    chance = random.Random(SEED)  # noqa: S311  # made-up places, not secrets
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("subscriber_id", "region", "brand", "joined_on"))
        for id, months in sorted(tenures.items()):
            joined = months_after(today, -months)
            rows.writerow((id, chance.choices(*_REGIONS)[0], chance.choices(*_BRANDS)[0], joined))
