"""Regions and brands for the sample's subscribers, made up: without them nobody could see the base from its sides."""

import csv
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from app.demo.month import SEED

_REGIONS: Final = (("north", "east", "south", "west"), (4, 3, 2, 1))
_BRANDS: Final = (("go", "classic", "gold"), (5, 3, 2))


def write(path: Path, subscriber_ids: Iterable[str]) -> None:
    """Write a table of who lives where and has which brand; the same ids give the same table."""
    chance = random.Random(SEED)  # noqa: S311  # made-up places, not secrets
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("subscriber_id", "region", "brand"))
        rows.writerows((id, chance.choices(*_REGIONS)[0], chance.choices(*_BRANDS)[0]) for id in subscriber_ids)
