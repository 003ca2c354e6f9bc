from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.domain.scores import Band
from app.domain.tables import as_csv
from app.errors import Invalid
from app.models import ScoringRun
from app.routers.deps import AtDep, CallerDep, Cursor, Limit, ResourcesDep, SessionDep, allow, takes
from app.routers.forms import CSV, JSON, PARQUET, Accept, form_of, in_forms
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import MOST_ITEMS, CursorRefused, Label, decode_cursor, encode_cursor
from app.schemas.scores import ChurnKind
from app.schemas.watchlist import LikelyChurnerRead, WatchlistRead, WatchlistRunRead
from app.services import watchlist
from app.services.access import require_scope
from app.services.scoring_runs import present_model
from app.services.watchlist import Asked, Found, Place

router = APIRouter(tags=["scores"], route_class=UnitOfWorkRoute)


class BandAndThreshold(Invalid):
    """Ask for a band or for a threshold."""


async def _asked(
    churn_kind: Annotated[ChurnKind, Query()] = "port_out",
    threshold: Annotated[
        float | None, Query(ge=0, le=1, description="The least probability; unasked, where the high band begins")
    ] = None,
    band: Annotated[Band | None, Query()] = None,
    region: Annotated[Label | None, Query()] = None,
    brand: Annotated[Label | None, Query()] = None,
    segment: Annotated[Label | None, Query(description="The value tier")] = None,
) -> Asked:
    if band is not None and threshold is not None:
        raise BandAndThreshold.at("/query/threshold", "cannot be asked for together with a band")
    return Asked(churn_kind, threshold, band, {"region": region, "brand": brand, "value_tier": segment})


async def _place(cursor: Cursor = None) -> Place | None:
    if cursor is None:
        return None
    run_id, probability, subscriber_id = decode_cursor(cursor, 3)
    try:
        return Place(UUID(run_id), float.fromhex(probability), subscriber_id)
    except (ValueError, OverflowError) as error:
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list") from error


@router.get(
    "/v1/watchlist",
    operation_id="get_watchlist",
    summary="Likely churners, the most likely first: why, and what to do; as JSON, CSV or Parquet by Accept",
    description=f"CSV and Parquet need `watchlist:export`; they hold {MOST_ITEMS:,} entries, and `Link` leads on.",
    dependencies=[allow("scores:read")],
    openapi_extra=takes(20),
    responses=in_forms(WatchlistRead, CSV, PARQUET),
)
async def get_watchlist(
    asked: Annotated[Asked, Depends(_asked)],
    after: Annotated[Place | None, Depends(_place)],
    session: SessionDep,
    resources: ResourcesDep,
    caller: CallerDep,
    at: AtDep,
    request: Request,
    limit: Limit = 50,
    accept: Accept = JSON,
) -> Any:
    form = form_of(accept, CSV, PARQUET)
    if form:
        require_scope(caller, "watchlist:export")
        limit = MOST_ITEMS
    found = await watchlist.find_likely_churners(session, resources.settings, asked, after, limit + 1, at)
    cursor = _next_cursor(found, limit)
    items = found.items[:limit]
    if form is None:
        return WatchlistRead(
            run=_run(found.run, resources.settings.currency),
            threshold=found.threshold,
            items=[LikelyChurnerRead.model_validate(item) for item in items],
            next_cursor=cursor,
        )
    request.state.told_of = [item["subscriber_id"] for item in items]
    content = _written(form, [watchlist.as_row(item) for item in items])
    return Response(content, headers=_link(request, cursor), media_type=form)


def _written(form: str, rows: list[dict[str, Any]]) -> str | bytes:
    if form == CSV:
        return as_csv(tuple(watchlist.COLUMNS), rows)
    from app.pipelines.parquet import as_parquet  # noqa: PLC0415  # a worker is small until it is asked

    return as_parquet(watchlist.COLUMNS, rows)


def _next_cursor(found: Found, limit: int) -> str | None:
    if found.run is None or len(found.items) <= limit:
        return None
    last = found.items[limit - 1]
    return encode_cursor(str(found.run.id), last["probability"].hex(), last["subscriber_id"])


def _run(run: ScoringRun | None, currency: str) -> WatchlistRunRead | None:
    model = present_model(run) if run else None
    if run is None or run.model is None or model is None or run.ended_at is None:
        return None
    horizon_days = run.model["horizon_days"]
    return WatchlistRunRead(id=run.id, model=model, horizon_days=horizon_days, currency=currency, ended_at=run.ended_at)


def _link(request: Request, cursor: str | None) -> dict[str, str]:
    """Where the next page is (RFC 8288)."""
    if cursor is None:
        return {}
    asked = dict(request.query_params) | {"cursor": cursor}
    return {"Link": f'<{request.url.path}?{urlencode(asked)}>; rel="next"'}
