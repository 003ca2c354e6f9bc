"""What a subscriber's consents forbid. What is not mentioned was not withdrawn."""

from collections.abc import Iterable, Mapping
from typing import Final

EVERYTHING: Final = "all"
PROFILING: Final = "profiling"
MARKETING: Final = "marketing"


def forbids(consents: Mapping[str, bool], purpose: str) -> bool:
    """Tell whether a purpose or a channel was opted out of, alone or with everything else."""
    return consents.get(EVERYTHING) is False or consents.get(purpose) is False


def strictest(all_consents: Iterable[Mapping[str, bool]]) -> dict[str, bool]:
    """Put together what one person said under several ids: what was withdrawn under any of them is withdrawn."""
    found: dict[str, bool] = {}
    for consents in all_consents:
        for purpose, given in consents.items():
            found[purpose] = given and found.get(purpose, True)
    return found


def allowed(consents: Mapping[str, bool], channels: Iterable[str]) -> list[str]:
    """Keep the channels we may use of our own accord."""
    return [channel for channel in channels if not forbids(consents, channel)]
