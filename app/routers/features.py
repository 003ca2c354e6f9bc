from typing import Annotated

from fastapi import APIRouter, Query

from app.domain.scores import Band
from app.routers.deps import After, Limit, ResourcesDep, SessionDep, allow
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Page, as_page
from app.schemas.features import BandRead, ContractFeatureRead, FeatureRead, FeatureSchemaRead
from app.schemas.scores import ChurnKind
from app.services import features, scores

router = APIRouter(tags=["features"], route_class=UnitOfWorkRoute)


@router.get(
    "/v1/features",
    operation_id="list_features",
    summary="The feature dictionary: every feature a snapshot may hold",
    dependencies=[allow("subscribers:read")],
    responses=reads(),
)
async def list_features(session: SessionDep, after: After, limit: Limit = 50) -> Page[FeatureRead]:
    rows = await features.list_features(session, after=after, limit=limit + 1)
    items = [FeatureRead.model_validate(row, from_attributes=True) for row in rows]
    return as_page(items, limit, lambda item: (item.name,))


@router.get(
    "/v1/feature-schema",
    operation_id="get_feature_schema",
    summary="The active model's input contract and risk bands",
    dependencies=[allow("scores:read")],
    responses=reads(),
)
async def get_feature_schema(
    resources: ResourcesDep, churn_kind: Annotated[ChurnKind, Query()] = "port_out"
) -> FeatureSchemaRead:
    manifest = scores.get_bundle(resources.bundles, churn_kind).manifest
    formulas = {derived.name: derived.formula for derived in manifest.derived}
    thresholds = {Band.LOW: 0.0} | {Band(name): start for name, start in manifest.bands}
    return FeatureSchemaRead(
        churn_kind=manifest.churn_kind,
        horizon_days=manifest.horizon_days,
        model={"name": manifest.name, "version": manifest.version},
        features=[ContractFeatureRead(**dict(f), formula=formulas.get(f.name)) for f in manifest.features],
        accepted=[ContractFeatureRead(**dict(f), formula=None) for f in manifest.accepted],
        bands=[BandRead(name=band.value, from_probability=start) for band, start in thresholds.items()],
    )
