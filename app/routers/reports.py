from fastapi import APIRouter

from app.routers.unit_of_work import UnitOfWorkRoute

router = APIRouter(tags=["reports"], route_class=UnitOfWorkRoute)
