"""Who works on complaints and answers, when, with which keys, in which working hours: made of one request."""

from typing import Annotated

from fastapi import Depends

from app.routers.deps import AtDep, CallerDep, ResourcesDep
from app.services.complaints import Desk
from app.services.working_time import calendar_of


async def _desk(caller: CallerDep, resources: ResourcesDep, at: AtDep) -> Desk:
    return Desk(caller, resources.vault, calendar_of(resources.settings), at)


DeskDep = Annotated[Desk, Depends(_desk)]
