"""keys: made and shown once, listed by prefix, revoked."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from app.services.access import KEY_PATTERN
from app.settings import Settings
from tests.cli.command import Command
from tests.conftest import serving
from tests.factories.contacts import call
from tests.factories.subscribers import subscriber
from tests.factories.tables import open_store
from tests.service import Service, variables


def prefix_of(key: str) -> str:
    return key[:11]


def create(stayline: Command, name: str, *scopes: str, **options: object) -> str:
    given = [part for scope in scopes for part in ("--scope", scope)]
    given += [str(part) for option, value in options.items() for part in (f"--{option}", value)]
    return stayline.succeeds("keys", "create", name, *given).removesuffix("\n")


def listed(stayline: Command) -> dict[str, str]:
    """Return the lines of the list by their prefix."""
    lines = stayline.succeeds("keys", "list").splitlines()
    titles = ["prefix", "name", "agent", "regions", "scopes", "created", "expires", "revoked", "last", "used"]
    assert lines[0].split() == titles
    return {line.split()[0]: line for line in lines[1:]}


def test_a_new_key_is_printed_alone_and_only_its_digest_is_stored(stayline: Command, store: psycopg.Connection) -> None:
    key = create(stayline, "crm", "scores:read")
    assert KEY_PATTERN.fullmatch(key)
    (row,) = store.execute("SELECT k::text FROM api_keys k").fetchall()
    assert prefix_of(key) in row[0]
    assert key not in row[0]
    assert key.encode().hex() not in row[0]


def test_keys_are_listed_with_whose_they_are_and_what_they_may_do(stayline: Command) -> None:
    crm = create(stayline, "crm", "scores:read", "decisions:write")
    agent = create(stayline, "desk 7", "decisions:read", agent="a-7", days=30)
    lines = listed(stayline)
    assert set(lines) == {prefix_of(crm), prefix_of(agent)}
    assert re.search(r"crm +decisions:write scores:read +\d{4}-\d\d-\d\d \d\d:\d\d *$", lines[prefix_of(crm)])
    assert "desk 7" in lines[prefix_of(agent)]
    assert "a-7" in lines[prefix_of(agent)]
    assert f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}" in lines[prefix_of(agent)]
    assert crm not in "".join(lines.values())


@pytest.mark.parametrize("name", ["[/call] centre", "[bold]crm[/bold]", "呼叫中心"])
def test_a_key_may_have_any_name(stayline: Command, name: str) -> None:
    key = create(stayline, name, "scores:read")
    assert name in listed(stayline)[prefix_of(key)]


def test_an_unknown_scope_is_refused_by_name_beside_the_known_ones(
    stayline: Command, store: psycopg.Connection
) -> None:
    line = stayline.fails("keys", "create", "crm", "--scope", "scores:read", "--scope", "scores:delete")
    assert "unknown scope scores:delete" in line
    assert "scores:write" in line
    assert store.execute("SELECT count(*) FROM api_keys").fetchone() == (0,)


@pytest.mark.parametrize("days", [3_000_000, 10**9, 10**18])
def test_a_key_for_longer_than_the_calendar_lasts_is_refused(stayline: Command, days: int) -> None:
    ran = stayline("keys", "create", "crm", "--scope", "scores:read", "--days", days)
    assert ran.code in {1, 2}
    assert "days" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_name_too_long_to_store_is_refused_in_one_line(stayline: Command) -> None:
    assert "fit" in stayline.fails("keys", "create", "x" * 10_000, "--scope", "scores:read")


def test_a_revoked_key_stays_in_the_list_as_revoked(stayline: Command) -> None:
    key, other = create(stayline, "crm", "scores:read"), create(stayline, "crm", "scores:read")
    assert stayline.succeeds("keys", "revoke", prefix_of(key)) == "the key of crm is revoked\n"
    times = {prefix: len(re.findall(r"\d\d:\d\d", line)) for prefix, line in listed(stayline).items()}
    assert times == {prefix_of(key): 2, prefix_of(other): 1}


@pytest.mark.parametrize("prefix", ["sl_00000000", "", "%", "sl_"])
def test_only_a_key_in_use_can_be_revoked_and_only_by_its_whole_prefix(stayline: Command, prefix: str) -> None:
    create(stayline, "crm", "scores:read")
    assert "no key in use starts with" in stayline.fails("keys", "revoke", prefix)


def test_a_key_is_revoked_once(stayline: Command) -> None:
    key = create(stayline, "crm", "scores:read")
    stayline.succeeds("keys", "revoke", prefix_of(key))
    assert f"no key in use starts with {prefix_of(key)}" in stayline.fails("keys", "revoke", prefix_of(key))


def ask(service: Service, key: str, path: str = "/v1/feature-schema") -> httpx.Response:
    with service.as_caller(key) as client:
        return client.get(path)


def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(
    service: Service, settings: Settings, bare: Command
) -> None:
    stayline = Command(bare.folder, variables(settings))
    key = create(stayline, "crm", "scores:read")
    assert ask(service, key).status_code == 200
    assert ask(service, key, "/v1/actions").status_code == 403
    stayline.succeeds("keys", "revoke", prefix_of(key))
    # A service that has seen the key trusts it for up to a minute; one that has not looks it up.
    with serving(settings) as fresh:
        assert ask(fresh, key).status_code == 401


def test_a_key_that_is_replaced_is_taken_for_as_long_as_was_said(
    service: Service, settings: Settings, bare: Command, store_of_service: psycopg.Connection
) -> None:
    stayline = Command(bare.folder, variables(settings))
    old = create(stayline, "crm", "scores:read", "interactions:write", days=30)
    new = stayline.succeeds("keys", "replace", prefix_of(old), "--hours", "1").strip()
    assert KEY_PATTERN.fullmatch(new)
    assert new != old
    for key in (old, new):
        assert ask(service, key).status_code == 200
    store_of_service.execute("UPDATE api_keys SET previous_until = now() WHERE prefix = %s", [prefix_of(new)])
    with serving(settings) as fresh:
        assert [ask(fresh, key).status_code for key in (old, new)] == [401, 200]
    assert "no key in use starts with" in stayline.fails("keys", "replace", prefix_of(old))


def test_whose_key_is_replaced_stays_the_same_caller(service: Service, settings: Settings, bare: Command) -> None:
    """What it repeats with the new key is known from the old one."""
    stayline = Command(bare.folder, variables(settings))
    old = create(stayline, "crm", "interactions:write")
    body, named = call(subscriber(service.client)), {"idempotency-key": "before and after"}
    with service.as_caller(old) as caller:
        first = caller.post("/v1/interactions", json=body, headers=named).raise_for_status()
    new = stayline.succeeds("keys", "replace", prefix_of(old)).strip()
    with service.as_caller(new) as caller:
        again = caller.post("/v1/interactions", json=body, headers=named)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


def test_a_key_is_bound_to_the_regions_it_was_made_for(service: Service, settings: Settings, bare: Command) -> None:
    stayline = Command(bare.folder, variables(settings))
    key = stayline.succeeds("keys", "create", "desk", "--scope", "subscribers:read", "--region", "east").strip()
    here, there = (subscriber(service.client, region=region) for region in ("east", "west"))
    assert ask(service, key, f"/v1/subscribers/{here}").status_code == 200
    assert ask(service, key, f"/v1/subscribers/{there}").status_code == 404
    assert "east" in listed(stayline)[prefix_of(key)]


@pytest.mark.parametrize("region", ["*", "", "x" * 65, "two\nlines"])
def test_a_region_that_could_be_no_ones_name_is_refused(stayline: Command, region: str) -> None:
    assert "a region is named by" in stayline.fails("keys", "create", "x", "--scope", "scores:read", "--region", region)


def test_the_list_tells_when_a_key_was_used_last(service: Service, settings: Settings, bare: Command) -> None:
    stayline = Command(bare.folder, variables(settings))
    used, unused = create(stayline, "crm", "scores:read"), create(stayline, "crm", "scores:read")
    assert ask(service, used).status_code == 200
    times = {prefix: len(re.findall(r"\d\d:\d\d", line)) for prefix, line in listed(stayline).items()}
    assert (times[prefix_of(used)], times[prefix_of(unused)]) == (2, 1)


@pytest.fixture
def store_of_service(settings: Settings) -> Iterator[psycopg.Connection]:
    with open_store(settings) as connection:
        yield connection
