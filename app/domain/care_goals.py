"""The four goals of caring for dissatisfied subscribers (E2), each with the one figure that tells how near it is."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class CareGoal(StrEnum):
    ROUTINE_MONITORING = "routine_monitoring"
    REFINED_MANAGEMENT = "refined_management"
    STANDARDISED_CARE = "standardised_care"
    SHARED_KNOWLEDGE = "shared_knowledge"


class CareMeasure(StrEnum):
    """What is counted, as a share of what there was."""

    NOTICED_WITHIN_A_DAY = "noticed_within_a_day"
    CAUSE_FOUND = "cause_found"
    CLOSED_CONFIRMED = "closed_confirmed"
    RESULT_MEASURED = "result_measured"


MEASURES: Final[Mapping[CareGoal, CareMeasure]] = MappingProxyType(
    {
        CareGoal.ROUTINE_MONITORING: CareMeasure.NOTICED_WITHIN_A_DAY,
        CareGoal.REFINED_MANAGEMENT: CareMeasure.CAUSE_FOUND,
        CareGoal.STANDARDISED_CARE: CareMeasure.CLOSED_CONFIRMED,
        CareGoal.SHARED_KNOWLEDGE: CareMeasure.RESULT_MEASURED,
    }
)
NOTICED_WITHIN: Final = timedelta(days=1)


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
