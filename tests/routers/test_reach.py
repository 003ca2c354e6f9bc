"""Who sees whom: every operation, by every kind of caller, about their own, somebody else's, and nobody.

Whom a caller does not reach is to it as if there were nobody: the same answer, and nothing of them in any other.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from app.db import create_engine, create_sessions, transaction
from app.domain.access import CONSOLE_SCOPES, SCOPES
from app.reach import BOUNDED_ROLE, SERVICE_ROLE, Reach
from app.settings import Settings
from tests.conftest import make_key
from tests.factories.answers import problem
from tests.factories.contacts import call
from tests.factories.grounds import Grounds, Request, lay_grounds
from tests.factories.operations import Operation, closed
from tests.factories.subscribers import new_id, subscriber
from tests.factories.tables import count_rows
from tests.service import Service

OWN, FOREIGN = "east", "west"
# What the ids of people and of what was recorded of them are called; the rest is everybody's.
OF_PEOPLE = {
    "subscriber_id",
    "duplicate_id",
    "other_id",
    "interaction_id",
    "visit",
    "task_id",
    "complaint_id",
    "response_id",
    "case_id",
    "decision_id",
    "claim_id",
    "warning_id",
}
# The log of accesses names people of all regions in one line; a run scores those of all.
OF_ALL = {"list_accesses", "request_scoring_run"}
CHANGES = ("UPDATE", "DELETE", "TRUNCATE")
every_closed = pytest.mark.parametrize("operation", closed(), ids=str)


@dataclass(frozen=True)
class Ground:
    """The same things twice, in two regions; and the names that are nobody's."""

    own: Grounds
    foreign: Grounds
    nobody: Grounds


@pytest.fixture(scope="module")
def ground(service: Service) -> Ground:
    own, foreign = (lay_grounds(service.client, region) for region in (OWN, FOREIGN))
    unknown = {
        name: new_id() if "-" in id and len(id) < len(str(uuid4())) else str(uuid4()) for name, id in own.ids.items()
    }
    nobody = {name: unknown[name] if name in OF_PEOPLE else id for name, id in own.ids.items()}
    same = {name: id for name, id in own.ids.items() if name not in OF_PEOPLE}
    return Ground(own, Grounds(foreign.ids | same), Grounds(nobody))


def _unknown(id: str) -> str:
    return str(uuid4()) if len(id) == len(str(uuid4())) else new_id()


@pytest.fixture(scope="module")
def regional(service: Service) -> Iterator[httpx.Client]:
    """A caller who may do everything, with the people of one region."""
    with service.as_caller(make_key(service.settings, SCOPES, regions=[OWN])) as caller:
        yield caller


@pytest.fixture(scope="module")
def screen(service: Service, ground: Ground) -> Iterator[httpx.Client]:
    """An agent's screen on one person."""
    wanted = {"subscriber_id": ground.own.ids["duplicate_id"], "agent_id": "agent-7"}
    made = service.client.post("/v1/console-tokens", json=wanted)
    assert made.status_code == 201, made.text
    with service.as_caller(made.json()["token"]) as caller:
        yield caller


def is_about_people(ground: Ground, operation: Operation) -> bool:
    own, foreign = (_text(each.request(operation)) for each in (ground.own, ground.foreign))
    return own != foreign


def _text(request: Request) -> str:
    told = f"{request.path} {json.dumps(request.params)} {json.dumps(request.body)}"
    return re.sub(r"purpose \d+|\d{4}-\d\d-\d\dT[^\"]*", "", told)


def told(answer: httpx.Response, grounds: Grounds) -> tuple[int, str]:
    """An answer without what differs in any case: names and times."""
    text = answer.text
    for name, id in sorted(grounds.ids.items(), key=lambda item: -len(item[1])):
        if name in OF_PEOPLE:
            text = text.replace(id, f"<{name}>")
    text = re.sub(r'"(request_id|id|decision_id|decided_at|at|[a-z_]+_at)":"[^"]*"', "", text)
    return answer.status_code, re.sub(r"purpose \d+", "", text)


def holds(text: str, grounds: Grounds) -> list[str]:
    return [name for name, id in grounds.ids.items() if name in OF_PEOPLE and f'"{id}"' in text]


def asked_of_whom_it_does_not_reach(
    caller: httpx.Client, ground: Ground, store: psycopg.Connection, operation: Operation
) -> httpx.Response:
    """Ask about somebody else and about nobody, check that it comes to the same, and return the first answer."""
    before = count_rows(store)
    foreign, nobody = (each.request(operation).send(caller) for each in (ground.foreign, ground.nobody))
    if is_about_people(ground, operation):
        assert told(foreign, ground.foreign) == told(nobody, ground.nobody)
        assert count_rows(store) == before
    assert not holds(foreign.text, ground.foreign) or operation.id == "score_subscriber"  # given all it answers of
    return foreign


@every_closed
def test_whom_a_region_does_not_hold_is_nobody_to_its_caller(
    regional: httpx.Client, ground: Ground, store: psycopg.Connection, operation: Operation
) -> None:
    foreign = asked_of_whom_it_does_not_reach(regional, ground, store, operation)
    if is_about_people(ground, operation):
        assert foreign.is_client_error or operation.method in {"GET", "POST"}, foreign.text


@every_closed
def test_whom_a_region_holds_is_its_callers_own(regional: httpx.Client, ground: Ground, operation: Operation) -> None:
    if operation.method != "DELETE":
        answer = ground.own.request(operation).send(regional)
        assert answer.is_success or (operation.id in OF_ALL and answer.status_code == 403), answer.text


@every_closed
def test_a_screen_shows_one_person_alone(
    screen: httpx.Client, ground: Ground, store: psycopg.Connection, operation: Operation
) -> None:
    foreign = asked_of_whom_it_does_not_reach(screen, ground, store, operation)
    if not operation.scopes <= CONSOLE_SCOPES:
        problem(foreign, 403)


def test_a_screen_does_what_it_is_for(screen: httpx.Client, api: httpx.Client, ground: Ground) -> None:
    """By whichever of the person's ids."""
    for id in (ground.own.ids["subscriber_id"], ground.own.ids["duplicate_id"]):
        assert screen.get(f"/v1/subscribers/{id}/overview").status_code == 200
        assert screen.post("/v1/interactions", json=call(id)).status_code == 201
    problem(screen.get(f"/v1/subscribers/{subscriber(api, region=OWN)}"), 404)


def test_a_search_finds_no_more_than_the_caller_reaches(regional: httpx.Client, api: httpx.Client) -> None:
    phone = "+8613911112222"
    here, there = (subscriber(api, region=region, contact={"phone": phone}) for region in (OWN, FOREIGN))
    for asked in ({"phone": phone}, {"id_prefix": "sub-"}):
        found = [
            {item["subscriber_id"] for item in caller.post("/v1/subscribers/search", json=asked).json()["items"]}
            for caller in (api, regional)
        ]
        assert there not in found[1]
        assert "phone" not in asked or (found == [{here, there}, {here}])


def test_nobody_is_moved_out_of_reach_nor_brought_into_it(
    regional: httpx.Client, api: httpx.Client, ground: Ground
) -> None:
    mine = subscriber(api, region=OWN)
    etag = regional.get(f"/v1/subscribers/{mine}").headers["etag"]
    moved = regional.patch(f"/v1/subscribers/{mine}", json={"region": FOREIGN}, headers={"if-match": etag})
    assert problem(moved, 403)["type"] == "/problems/out-of-reach"
    assert api.get(f"/v1/subscribers/{mine}").json()["region"] == OWN
    for id in (ground.foreign.ids["other_id"], new_id()):
        assert problem(regional.put(f"/v1/subscribers/{id}", json={"region": OWN}), 403)["type"].endswith(
            "out-of-reach"
        )


def test_a_person_of_no_region_is_in_nobodys(regional: httpx.Client, api: httpx.Client) -> None:
    problem(regional.get(f"/v1/subscribers/{subscriber(api)}"), 404)


def test_a_region_that_is_left_is_left_at_once(regional: httpx.Client, api: httpx.Client) -> None:
    mine = subscriber(api, region=OWN)
    assert regional.get(f"/v1/subscribers/{mine}").status_code == 200
    api.patch(f"/v1/subscribers/{mine}", json={"region": FOREIGN}, headers={"if-match": "*"}).raise_for_status()
    problem(regional.get(f"/v1/subscribers/{mine}"), 404)


@pytest.mark.parametrize("table", ["subscribers", "interactions", "decisions", "complaints", "care_cases"])
def test_the_store_shows_nobody_to_whom_it_was_told_nothing_of(store: psycopg.Connection, table: str) -> None:
    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    with store.transaction(force_rollback=True):
        store.execute("SET LOCAL ROLE stayline_bounded")
        assert store.execute(count).fetchone() == (0,)
        store.execute("SET LOCAL stayline.regions = 'east'")  # and of its person nothing
        assert store.execute(count).fetchone() == (0,)
        store.execute("SET LOCAL stayline.subscriber = '*'")
        [[seen]] = store.execute(count).fetchall()
        assert seen > 0


def test_every_table_that_knows_a_person_is_under_its_rule(store: psycopg.Connection) -> None:
    known = store.execute("""
        SELECT DISTINCT c.relname, c.relrowsecurity AND c.relforcerowsecurity
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
        AND a.attname IN ('subscriber_id', 'region', 'pseudonym')
    """).fetchall()
    assert len(known) > 15
    assert [name for name, is_forced in known if not is_forced] == []


def test_the_service_owns_nothing_and_changes_no_log(store: psycopg.Connection) -> None:
    logs = ("access_entries", "access_links", "audit_entries", "decision_links", "decisions", "outcomes", "policies")
    allowed = "SELECT has_table_privilege(%s, %s, %s)"
    for role in (SERVICE_ROLE, BOUNDED_ROLE):
        rights = {store.execute(allowed, [role, log, right]).fetchone() for log in logs for right in CHANGES}
        assert rights == {(False,)}
        owned = store.execute("SELECT count(*) FROM pg_class WHERE relowner = %s::regrole", [role]).fetchone()
        assert owned == (0,)


def test_the_service_works_as_its_role_whoever_it_logged_in_as(settings: Settings) -> None:
    async def ask() -> tuple[str, ...]:
        engine = create_engine(settings)
        try:
            async with transaction(create_sessions(engine)) as session:
                service = await session.scalar(text("SELECT current_user"))
            async with transaction(create_sessions(engine), Reach(frozenset({OWN}))) as session:
                bounded = await session.scalar(text("SELECT current_user"))
            async with transaction(create_sessions(engine)) as session:  # on the connection that was bounded
                return service, bounded, await session.scalar(text("SELECT current_user"))
        finally:
            await engine.dispose()

    assert asyncio.run(ask()) == (SERVICE_ROLE, BOUNDED_ROLE, SERVICE_ROLE)
