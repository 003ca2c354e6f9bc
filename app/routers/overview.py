from fastapi import APIRouter

from app.routers.unit_of_work import UnitOfWorkRoute

router = APIRouter(tags=["subscribers"], route_class=UnitOfWorkRoute)
