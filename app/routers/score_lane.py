"""The fast lane of POST /v1/scores: the plain case is answered at once, and all else by the route, which has the rules.

Plain is a key that was verified lately and a body that is right and gives all the features there are to give. Nothing
is asked of the store then, so nothing is waited for. The lane refuses nothing: what it does not take is the route's.
"""

import asyncio
import re
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic_core import from_json, to_json
from starlette.types import ASGIApp, Scope

from app.domain.features import FeatureValue
from app.domain.subscribers import SUBSCRIBER_ID
from app.domain.texts import why_unsafe
from app.errors import AppError
from app.ml.bundle import Bundle
from app.routers.edge import tell_rate
from app.routers.lanes import FastLane, Made, known_caller, plain_headers, route_of, settle
from app.routers.scores import router as scores_router
from app.routers.strict_json import INT64
from app.schemas.scores import MOST_DRIVERS, ScoreRequest
from app.services import scores
from app.services.scores import Row, Score

if TYPE_CHECKING:
    from app.routers.deps import Resources

SCOPE: Final = "scores:read"
_FIELDS: Final = ScoreRequest.model_fields.keys()
_SUBSCRIBER_ID: Final = re.compile(SUBSCRIBER_ID)
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


class Question(NamedTuple):
    """What a plain body asks."""

    subscriber_id: str | None
    features: Mapping[str, FeatureValue]
    churn_kind: str
    drivers: int


class Waiting(NamedTuple):
    """A row that is scored when all that came with it are there, and who waits for it."""

    bundle: Bundle
    row: Row
    score: asyncio.Future[Score]


class Together:
    """Scores what is asked in one turn of the event loop in one run of the model: eight rows take as long as one."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def score(self, bundle: Bundle, row: Row) -> asyncio.Future[Score]:
        """Return the row's score to come."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run)
        self._waiting.append(Waiting(bundle, row, loop.create_future()))
        return self._waiting[-1].score

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        for bundle in {id(one.bundle): one.bundle for one in waiting}.values():
            same = [one for one in waiting if one.bundle is bundle]
            try:
                told: Sequence[Score | Exception] = scores.score_rows(bundle, [one.row for one in same])
            except Exception as error:  # noqa: BLE001  # whatever ails the model is each caller's to hear
                told = [error] * len(same)
            for one, score in zip(same, told, strict=True):
                settle(one.score, score)


class ScoreLane(FastLane):
    route = route_of(scores_router, "score_subscriber")

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._together = Together()

    async def made(self, scope: Scope, body: bytes) -> Made | None:
        answer = await _answer(scope, body, self._together)
        return Made(200, answer) if answer is not None else None


async def _answer(scope: Scope, body: bytes, together: Together) -> bytes | None:
    """Return the answer to a plain request; None for any other."""
    resources: Resources = scope["state"]["resources"]
    at = datetime.now(UTC)
    now = time.monotonic()
    headers = plain_headers(scope)
    caller = headers and known_caller(headers, resources, SCOPE, at, now)
    question = caller and _question(body)
    if not caller or not question:
        return None
    try:
        bundle = scores.get_bundle(resources.bundles, question.churn_kind)
        if not scores.gives_all(bundle, question.features):
            return None
        row = scores.as_row(bundle, question.features, resources.settings.today(at), question.drivers)
    except AppError:
        return None
    if resources.rates.limit:
        left = resources.rates.take(caller.id, now)
        if left is None:
            return None
        tell_rate(scope, resources.rates.limit, left)
    scored = await together.score(bundle, row)
    scores.note(resources.traffic, [scored], at)
    resources.metrics.scored(question.churn_kind, scored.band, stale=False)
    return to_json(scores.as_plain(scored, question.subscriber_id, None, stale=False))


def _question(body: bytes) -> Question | None:
    """Read a plain body; None for one that is not, right or wrong."""
    if b"\\" in body:  # an escape may stand for what no text may hold
        return None
    try:
        told: Any = from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
    if type(told) is not dict or not told.keys() <= _FIELDS:
        return None
    features = told.get("features")
    # Each name is followed by a colon: were there more of them than names, one might have been there twice.
    if type(features) is not dict or body.count(b":") != len(told) + len(features):
        return None
    question = Question(told.get("subscriber_id"), features, told.get("churn_kind", "port_out"), told.get("drivers", 5))
    return question if _is_plain(question) else None


def _is_plain(question: Question) -> bool:
    id, features, churn_kind, drivers = question
    return (
        (id is None or (type(id) is str and _SUBSCRIBER_ID.fullmatch(id) is not None))
        and type(churn_kind) is str
        and type(drivers) is int
        and 0 <= drivers <= MOST_DRIVERS
        and _are_scalars(features.values())
    )


def _are_scalars(values: Collection[FeatureValue]) -> bool:
    """Tell whether these are values that JSON, the store and people can hold, and plainly so."""
    if not set(map(type, values)) <= _SCALARS:
        return False
    numbers = [value for value in values if type(value) is int or type(value) is float]
    if numbers and not -INT64 <= min(numbers) <= max(numbers) < INT64:
        return False
    return why_unsafe("".join([value for value in values if type(value) is str])) is None
