"""What a router asks for: the service's resources, the open session, the caller, the time, the key of a write."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.requests import HTTPConnection
from fastapi.security import HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.admission import Admission
from app.db import Sessions
from app.domain.access import Caller
from app.domain.rates import Rates
from app.errors import PreconditionFailed, PreconditionRequired
from app.lane import Lane
from app.ml.active import ActiveBundles
from app.ml.traffic import Traffic
from app.observability import Metrics
from app.schemas.base import decode_cursor
from app.services.access import KeyCache, require_scope
from app.services.access_entries import Readings
from app.services.tokens import Tokens
from app.settings import Settings
from app.vault import Vault

DEADLINE: Final = "x-deadline-seconds"


@dataclass(frozen=True, slots=True)
class Resources:
    """What the lifespan opened, for every request."""

    settings: Settings
    sessions: Sessions
    readers: Sessions
    lane: Lane
    vault: Vault
    keys: KeyCache
    tokens: Tokens
    bundles: ActiveBundles
    traffic: Traffic
    readings: Readings
    metrics: Metrics
    admission: Admission
    rates: Rates


class VersionMissing(PreconditionRequired):
    """The request must say which version it changes."""


class VersionStale(PreconditionFailed):
    """Somebody else changed it first."""


# All of these are coroutines on purpose: FastAPI runs a plain function in a thread, which costs more than most answers.
async def _resources(request: Request) -> Resources:
    resources: Resources = request.state.resources
    return resources


async def _session(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    return session


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _at(request: Request) -> datetime:
    at: datetime = request.state.at
    return at


class _Described(HTTPBearer):
    """Says in the description how to authenticate; the route has done it by the time this is asked."""

    async def __call__(self, request: HTTPConnection) -> None:  # noqa: ARG002  # as FastAPI calls it
        return None


_bearer = _Described(auto_error=False, scheme_name="apiKey", description="An API key: `Authorization: Bearer sl_…`")


def allow(scope: str) -> Any:
    """Admit callers whose key carries `scope`."""

    async def check(request: Request, _: Annotated[object, Security(_bearer)]) -> None:
        require_scope(request.state.caller, scope)

    return Security(check, scopes=[scope])


def etag(version: int) -> str:
    return f'"{version}"'


async def _expected_version(if_match: Annotated[str | None, Header(max_length=64)] = None) -> str:
    if if_match is None:
        raise VersionMissing("send If-Match with the ETag of the version you read")
    return if_match


def require_version(if_match: str, version: int) -> None:
    if if_match not in {etag(version), "*"}:
        raise VersionStale("the ETag in If-Match is not the current one; read it again")


def takes(seconds: float) -> dict[str, Any]:
    """Give an operation another deadline than the usual one; its description tells it, too."""
    return {DEADLINE: seconds}


ResourcesDep = Annotated[Resources, Depends(_resources)]
SessionDep = Annotated[AsyncSession, Depends(_session)]
CallerDep = Annotated[Caller, Depends(_caller)]
AtDep = Annotated[datetime, Depends(_at)]
IfMatch = Annotated[str, Depends(_expected_version)]
ModelName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
ModelVersion = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Limit = Annotated[int, Query(ge=1, le=200, description="Items a page")]
Cursor = Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before")]


async def _after(cursor: Cursor = None) -> str | None:
    return decode_cursor(cursor, 1)[0] if cursor is not None else None


After = Annotated[str | None, Depends(_after)]
