"""The service: create_app() puts the rooms together."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from app import routers, tracing
from app.admission import Admission
from app.db import create_engine, create_readers, create_sessions
from app.domain.rates import Rates
from app.lane import Lane
from app.ml.active import ActiveBundles
from app.ml.traffic import Traffic
from app.observability import Metrics, configure_logging, tell
from app.outgoing import Outgoing
from app.routers import problems
from app.routers.contact_lane import ContactLane
from app.routers.decision_lane import DecisionLane
from app.routers.deps import Resources
from app.routers.documented import PURPOSE_PARAMETER, Problem
from app.routers.edge import Edge
from app.routers.score_lane import ScoreLane
from app.services import access_entries, activations, traffic
from app.services.access import KeyCache
from app.services.access_entries import Readings
from app.services.tokens import Issuer, Tokens
from app.settings import Settings
from app.vault import Vault

VERSION = "0.1.0"
# For pages of other origins that the settings name: a token goes in a header, so that no cookie has to.
_CROSS_ORIGIN: Final[dict[str, Any]] = {
    "allow_methods": ("GET", "POST", "PUT", "PATCH", "DELETE"),
    "allow_headers": ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Purpose", "X-Request-ID"),
    "expose_headers": ("ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Request-ID"),
}
OBJECTS_BETWEEN_COLLECTIONS = 10_000


def create_app(settings: Settings) -> FastAPI:
    """Make the service; nothing is opened before it starts."""
    metrics = Metrics()
    admission = Admission(settings.most_at_once, settings.most_held_mib * 2**20)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Resources]]:
        bundles = ActiveBundles(settings.models_dir)
        engine = create_engine(settings)
        sessions = create_sessions(engine)
        lane = Lane(settings)
        vault = Vault(settings.keys)
        watching = asyncio.create_task(activations.watch(sessions, bundles, metrics.models_refused))
        tell("started", models={kind: bundle.manifest.version for kind, bundle in bundles.items()})
        resources = Resources(
            settings=settings,
            sessions=sessions,
            readers=create_readers(engine),
            lane=lane,
            vault=vault,
            keys=KeyCache(settings.agents),
            tokens=_tokens(settings, vault),
            bundles=bundles,
            traffic=Traffic(),
            readings=Readings(),
            metrics=metrics,
            admission=admission,
            rates=Rates(settings.rate_limit),
        )
        with admission.draining_on_sigterm(settings.drain_seconds):
            async with (
                lane,
                traffic.saving(sessions, resources.traffic),
                access_entries.saving(sessions, vault, resources.readings),
            ):
                yield {"resources": resources}
        watching.cancel()
        await asyncio.wait([watching])
        await engine.dispose()
        metrics.close()

    app = FastAPIOffline(
        title="Stayline",
        version=VERSION,
        summary="Scores subscribers for churn with exact reasons, remembers every contact, recommends what to do next.",
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        telemetry=tracing.configured(),
    )
    if not tracing.is_wanted():  # spans are made of routes
        app.add_middleware(ScoreLane)
        app.add_middleware(ContactLane)
        app.add_middleware(DecisionLane)
    if settings.allowed_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.allowed_origins, **_CROSS_ORIGIN)
    app.add_middleware(Edge, metrics=metrics, admission=admission, receive_seconds=settings.receive_seconds)
    problems.install(app)
    routers.install(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # the way FastAPI documents to extend it
    return app


def _tokens(settings: Settings, vault: Vault) -> Tokens:
    """Whose tokens are taken: an issuer's, if the settings name one, and our own."""
    issuer = None
    if settings.jwt_issuer and settings.jwt_audience and settings.jwt_jwks:
        issuer = Issuer(settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks)
    named = [issuer.keys] if issuer and "://" in issuer.keys else []
    return Tokens(issuer, vault, frozenset(settings.agents), Outgoing(named))


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the shape every problem has, and the header in which each may say its purpose."""
    if app.openapi_schema is None:
        description = FastAPI.openapi(app)
        for operation in (operation for path in description["paths"].values() for operation in path.values()):
            if "security" in operation:
                operation.setdefault("parameters", []).append(PURPOSE_PARAMETER)
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        description["components"]["schemas"] |= schema.pop("$defs") | {"Problem": schema}
        app.openapi_schema = description
    return app.openapi_schema


def from_environment() -> FastAPI:
    """What uvicorn calls in each worker process."""
    settings = Settings.read()
    configure_logging(settings.log_level)
    app = create_app(settings)
    # What is loaded by now stays: the collector need not walk through it again for every batch of fresh objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    return app
