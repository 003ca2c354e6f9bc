"""Whom a caller may see. The store itself shows nobody else: row-level security, under a role of its own."""

from dataclasses import dataclass
from typing import Final

SERVICE_ROLE: Final = "stayline_app"
BOUNDED_ROLE: Final = "stayline_bounded"
ANY: Final = "*"  # how the store is told of no bound; no region is called so
SEPARATOR: Final = "\n"


@dataclass(frozen=True, slots=True)
class Reach:
    """Those of some regions, or one person under all their ids; None where nothing bounds it."""

    regions: frozenset[str] | None = None
    subscriber_id: str | None = None

    @property
    def is_bounded(self) -> bool:
        return self.regions is not None or self.subscriber_id is not None

    @property
    def settings(self) -> dict[str, str]:
        """What the store's policies read; where they find neither, they show nobody."""
        regions = ANY if self.regions is None else SEPARATOR.join(sorted(self.regions))
        return {"regions": regions, "subscriber": self.subscriber_id or ANY}


EVERYBODY: Final = Reach()
