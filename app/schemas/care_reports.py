from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.domain.care_cases import Times
from app.domain.care_goals import CareGoal, CareMeasure
from app.schemas.base import Wire


class PoolLevelRead(Wire):
    """One level of one dimension; null gathers the cases of which it is not known."""

    level: str | None
    cases: int


class PoolMarginalsRead(Wire):
    """The cases by each dimension alone: each sums to the total."""

    source: list[PoolLevelRead]
    brand: list[PoolLevelRead]
    region: list[PoolLevelRead]
    channel: list[PoolLevelRead]
    touchpoint: list[PoolLevelRead]
    times: list[PoolLevelRead]


class PoolCellRead(Wire):
    source: Annotated[str, Field(description="What the first piece of evidence is: what brought them in")]
    brand: str | None
    region: str | None
    channel: Annotated[str | None, Field(description="Of the first piece of evidence; null where it is gone")]
    touchpoint: Annotated[str | None, Field(description="Of the first piece of evidence; null where it is gone")]
    times: Annotated[Times, Field(description="Pieces of evidence")]
    cases: int


class PoolReportRead(Wire):
    """The pool as a cube: all its figures are of one reading."""

    total: int
    marginals: PoolMarginalsRead
    cells: Annotated[int, Field(description="How many there are; `items` shows the most populous")]
    items: list[PoolCellRead]


class CareGoalRead(Wire):
    """How near one goal is: a part of a whole, beside the same of the equally long period before."""

    goal: CareGoal
    measure: CareMeasure
    part: int
    whole: int
    share: float | None
    share_before: float | None


class CareGoalsRead(Wire):
    since: datetime
    until: datetime
    items: list[CareGoalRead]
