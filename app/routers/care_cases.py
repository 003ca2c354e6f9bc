from fastapi import APIRouter

from app.routers.unit_of_work import UnitOfWorkRoute

router = APIRouter(tags=["care"], route_class=UnitOfWorkRoute)
