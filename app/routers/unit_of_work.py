"""The one route class: authenticate, parse strictly, one transaction, one commit before the answer is sent, in time.

A write with an Idempotency-Key: lock → look for the first answer → endpoint → serialise → keep → commit → send.
"""

import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from app.db import Outrun, has_asked, transaction, within
from app.domain.access import Caller
from app.errors import Unavailable, UnsupportedMediaType
from app.routers import strict_json
from app.routers.accesses import access_of, purpose_in
from app.routers.deps import DEADLINE, Resources, SessionDep
from app.routers.edge import RateExceeded, key_in, tell_rate
from app.services import access_entries, idempotency
from app.services.access import KeyRefused, authenticate, require_scope
from app.services.idempotency import Answer, Write

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
JSON: Final = "application/json"
KEPT_HEADERS: Final = ("content-type", "location", "etag")
CHANGING: Final = frozenset({"PUT", "PATCH", "DELETE"})
TOKEN_DOTS: Final = 2  # header, claims and signature, of which no key has any
MOST_TRIES: Final = 8  # each time somebody else got what was left
REPLAYED: Final = "Idempotent-Replayed"


class TooMuchAtOnce(Unavailable):
    """Others were faster each time."""


class NotJsonContent(UnsupportedMediaType):
    """The body must be sent as application/json."""


class Encoded(UnsupportedMediaType):
    """The body must be sent as it is."""


class ParsedRequest(Request):
    """A request whose JSON body was parsed strictly before anything else saw it."""

    parsed: Any = None

    async def json(self) -> Any:
        return self.parsed


class _Replayed(Exception):  # not an error: it carries the first answer past the endpoint
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class _TimelyRoute(APIRoute):
    """A route whose answer comes before its deadline, or a problem that says so."""

    def __init__(self, path: str, *arguments: Any, **options: Any) -> None:
        super().__init__(path, *arguments, **options)
        self._beginning = path.partition("{")[0]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell by a path's fixed beginning that another route is meant, as nearly all are: patterns are dear."""
        if not scope["path"].startswith(self._beginning) and not scope.get("root_path"):
            return Match.NONE, {}
        return super().matches(scope)

    def seconds(self, resources: Resources) -> float:
        given = (self.openapi_extra or {}).get(DEADLINE, resources.settings.deadline_seconds)
        return float(given)


class QuestionRoute(_TimelyRoute):
    """A route that writes nothing, for the hottest questions: authenticated like any other, with no transaction.

    Its endpoint takes parameters, a body and the request, so that nothing else has to be resolved for each question.
    """

    def get_route_handler(self) -> Handler:
        scopes = [scope for needed in self.dependencies for scope in getattr(needed, "scopes", ())]

        async def answer(request: Request) -> Response:
            request.state.at = datetime.now(UTC)
            async with within(self.seconds(request.state.resources)):
                request.state.caller = caller = await _authenticated(request, request.state.resources)
                for scope in scopes:
                    require_scope(caller, scope)
                request.state.purpose = purpose_in(request)
                values = _checked(self.dependant, await _parsed(request, JSON))
                response: Response = await self.endpoint(**values, request=request)
                _note_reading(request, response)
                return response

        return answer


def _checked(needed: Dependant, request: ParsedRequest) -> dict[str, Any]:
    """Return parameters and body as their rules, FastAPI's own, take them; raises RequestValidationError."""
    found, wrong = request_params_to_args(needed.path_params, request.path_params)
    if needed.query_params:
        asked, also_wrong = request_params_to_args(needed.query_params, request.query_params)
        found, wrong = found | asked, wrong + also_wrong
    for field in needed.body_params:
        found[field.name], also_wrong = field.validate(request.parsed, {}, loc=("body",))
        wrong = wrong + (also_wrong or [])
    if wrong:
        raise RequestValidationError(wrong)
    return found


class UnitOfWorkRoute(_TimelyRoute):
    media_type = JSON

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        self.changes = bool(CHANGING & set(self.methods or ())) or any(
            needed.dependency is _once for needed in self.dependencies
        )

        async def handle_in_transaction(request: Request) -> Response:
            resources: Resources = request.state.resources
            request.state.at = datetime.now(UTC)
            async with within(self.seconds(resources)):
                request.state.caller = await _authenticated(request, resources)
                request.state.purpose = purpose_in(request)
                return await _answered(await _parsed(request, self.media_type), handle)

        return handle_in_transaction


async def _answered(request: ParsedRequest, handle: Handler) -> Response:
    resources: Resources = request.state.resources
    reach = request.state.caller.reach
    # What bounds a caller is told to the store for one transaction: it takes one to read within it.
    only_reads = request.method == "GET" and not reach.is_bounded
    sessions = resources.readers if only_reads else resources.sessions
    changes = request.scope["route"].changes
    for _ in range(MOST_TRIES):
        with suppress(Outrun):
            async with transaction(sessions, reach) as session:
                response = await (_changed if changes else _in_session)(request, session, handle)
                has_read = has_asked(session) and not changes
            if has_read:
                _note_reading(request, response)
            return response
    raise TooMuchAtOnce("too many others want the same right now; try again shortly")


def _note_reading(request: Request, response: Response) -> None:
    access = access_of(request, response.status_code, bytes(response.body), getattr(request, "parsed", None))
    if access.subscriber_ids:
        request.state.resources.readings.note(access)


async def _changed(request: ParsedRequest, session: AsyncSession, handle: Handler) -> Response:
    """Note a change in its own transaction; one that ends somebody, while it is still known who they are."""
    vault = request.state.resources.vault
    if request.method == "DELETE":
        status = request.scope["route"].status_code or 200
        await access_entries.write(session, vault, [access_of(request, status)])
        return await _in_session(request, session, handle)
    response = await _in_session(request, session, handle)
    access = access_of(request, response.status_code, bytes(response.body), request.parsed)
    await access_entries.write(session, vault, [access])
    return response


async def _authenticated(request: Request, resources: Resources) -> Caller:
    key = key_in(request.headers.get("authorization", ""))
    if not key:
        raise KeyRefused("send an API key or a token as `Authorization: Bearer …`")
    now = time.monotonic()
    if key.count(".") == TOKEN_DOTS:
        caller = await resources.tokens.authenticate(resources.sessions, key)
    else:
        caller = await authenticate(resources.sessions, resources.keys, key, request.state.at, now)
    if resources.rates.limit:
        left = resources.rates.take(caller.id, now)
        tell_rate(request.scope, resources.rates.limit, left)
        if left is None:
            raise RateExceeded(resources.rates.limit)
    return caller


async def _parsed(request: Request, media_type: str) -> ParsedRequest:
    parsed = ParsedRequest(request.scope, request.receive)
    body = await parsed.body()
    if body:
        if media_type_of(request.headers) != media_type:
            raise NotJsonContent(f"send the body as {media_type}")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Encoded("send the body without a Content-Encoding: what it unpacks to could not be bounded")
        if media_type == JSON:
            parsed.parsed = strict_json.parse(body)
    return parsed


def media_type_of(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class ArrowRoute(UnitOfWorkRoute):
    """Beside the route of the same path that takes JSON, for bodies that are Arrow streams."""

    media_type = "application/vnd.apache.arrow.stream"

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and media_type_of(Headers(scope=scope)) == self.media_type:
            return super().matches(scope)
        return Match.NONE, {}


async def _in_session(request: ParsedRequest, session: AsyncSession, handle: Handler) -> Response:
    request.state.session = session
    request.state.write = None
    try:
        response = await handle(request)
    except _Replayed as replayed:
        answer = replayed.answer
        return Response(answer.body, answer.status, {**answer.headers, REPLAYED: "true"})
    if request.state.write and response.status_code < 300:  # noqa: PLR2004  # only an answer that had an effect is kept
        await _keep(request, session, response)
    return response


async def _keep(request: Request, session: AsyncSession, response: Response) -> None:
    resources: Resources = request.state.resources
    at = request.state.at
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    answer = Answer(response.status_code, headers, bytes(response.body))
    await idempotency.keep_answer(session, resources.vault, request.state.write, answer, at)
    await idempotency.sweep(session, idempotency.kept_since(at, resources.settings.idempotency_hours))


async def _once(
    request: Request,
    session: SessionDep,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=255, description="Repeat a write safely: the first answer is given again"),
    ] = None,
) -> None:
    if idempotency_key is None:
        return
    resources: Resources = request.state.resources
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    content = target.encode() + await request.body()
    write = Write(request.state.caller.id, request.scope["route"].operation_id, idempotency_key, content)
    since = idempotency.kept_since(request.state.at, resources.settings.idempotency_hours)
    if answer := await idempotency.find_answer(session, resources.vault, write, since):
        raise _Replayed(answer)
    request.state.write = write


Once = Depends(_once)
