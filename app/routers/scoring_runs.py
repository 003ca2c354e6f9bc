from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.models import ScoringRun
from app.routers import examples
from app.routers.deps import AtDep, CallerDep, ResourcesDep, SessionDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.scoring_runs import JobRead, ProgressRead, ScoringRunCreate
from app.services import scoring_runs

router = APIRouter(tags=["scores"], route_class=UnitOfWorkRoute)


@router.post(
    "/v1/scoring-runs",
    operation_id="request_scoring_run",
    summary="Score everybody in the background: the watchlist is made of it",
    status_code=202,
    dependencies=[allow("scores:write"), Once],
    responses={200: {"model": JobRead, "description": "One that is not finished yet"}, **writes(409)},
    openapi_extra=examples.body(examples.SCORING_RUN),
)
async def request_scoring_run(
    asked: ScoringRunCreate,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> JobRead:
    run, is_new = await scoring_runs.request_run(session, caller, resources.bundles, asked, at)
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = f"/v1/jobs/{run.id}"
    return _read(run)


@router.get(
    "/v1/jobs/{job_id}",
    operation_id="get_job",
    summary="How far a job has come",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_job(job_id: Annotated[UUID, Path()], session: SessionDep) -> JobRead:
    return _read(await scoring_runs.get_run(session, job_id))


def _read(run: ScoringRun) -> JobRead:
    done = run.scored + run.refused
    progress = {"total": max(run.total, done), "done": done, "scored": run.scored, "refused": run.refused}
    shaped = {
        "kind": "scoring_run",
        "model": scoring_runs.present_model(run),
        "progress": ProgressRead.model_validate(progress),
    }
    same = {name: getattr(run, name) for name in JobRead.model_fields if name not in shaped}
    return JobRead.model_validate(same | shaped)
