"""audit verify: the decision log is what was written, or it is said which rows are not."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app.settings import Settings
from tests.cli.command import Command
from tests.conftest import make_settings, serving
from tests.factories.bodies import question
from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import LEAVING, STAYING, subscriber
from tests.factories.tables import open_store
from tests.service import variables

DECISIONS = 130
EACH = 25


@pytest.fixture(scope="module")
def decided(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Settings:
    """A store of its own with decisions about all kinds of subscribers."""
    settings = make_settings(new_database(f"audited_{worker_id}"), models_dir)
    lay_dictionary(settings)
    with serving(settings) as running:
        api = running.client
        people = [subscriber(api, features=features) for features in (LEAVING, STAYING, {"tenure_months": 1e-7}, None)]
        people += [subscriber(api, features=LEAVING, value_tier="gold") for _ in range(DECISIONS // 10)]
        channels = ("call", "app", "sms", "web", "shop")
        for number in range(DECISIONS):
            body = question(people[number % len(people)], channel=channels[number % 5], limit=number % 10 + 1)
            body |= {"owner": f"agent-{number}", "context": {"n": number / 7}}
            assert api.post("/v1/decisions", json=body).status_code == 201
    return settings


@pytest.fixture
def audit(decided: Settings, tmp_path: Path) -> Command:
    return Command(tmp_path, variables(decided))


@pytest.fixture
def log(decided: Settings) -> Iterator[psycopg.Connection]:
    """The log as an intruder sees it; put back afterwards."""
    with open_store(decided) as store:
        store.execute("CREATE TABLE kept_decisions AS TABLE decisions")
        store.execute("CREATE TABLE kept_decision_links AS TABLE decision_links")
        yield store
        store.execute("SET session_replication_role = replica")
        store.execute("DELETE FROM decisions")
        store.execute("DELETE FROM decision_links")
        store.execute("INSERT INTO decisions SELECT * FROM kept_decisions")
        store.execute("INSERT INTO decision_links SELECT * FROM kept_decision_links")
        store.execute("DROP TABLE kept_decisions")
        store.execute("DROP TABLE kept_decision_links")


def head_of(log: str, output: str) -> str:
    [line] = [line for line in output.splitlines() if line.startswith(f"head of {log}: ")]
    return line.split(": ")[1]


def named(output: str) -> dict[str, str]:
    """Which decision, or position where nothing is left of one, is told to be what."""
    lines = [line.split(": ", 1) for line in output.splitlines() if "position" in line or "not in the chain" in line]
    return {
        told.split()[0] if not told.startswith("one of") else told.split()[-1].rstrip(")"): what for what, told in lines
    }


def test_what_was_written_and_linked_verifies(audit: Command) -> None:
    assert f"link: {DECISIONS} decisions" in audit.succeeds("worker", "--once")
    told = audit.succeeds("audit", "verify")
    assert f"{DECISIONS} decisions linked, 0 waiting" in told
    head = head_of("decisions", told)
    assert "as they were written" in audit.succeeds("audit", "verify", "--head", head)


def test_a_hundred_of_a_hundred_changes_are_named(audit: Command, log: psycopg.Connection) -> None:
    audit.succeeds("worker", "--once")
    ids = [str(id) for (id,) in log.execute("SELECT decision_id FROM decision_links ORDER BY position")]
    random.Random(7).shuffle(ids)  # noqa: S311  # which rows, not a secret
    flipped, deleted, moved = ids[:EACH], ids[EACH : 2 * EACH], ids[2 * EACH : 3 * EACH + 1]
    changes = (
        "arm = 'holdout'",
        "decided_at = decided_at + interval '1 second'",
        "answer = jsonb_set(answer, '{currency}', '\"XXX\"')",
        "inputs = jsonb_set(inputs, '{limit}', '99')",
        "context = decode('00', 'hex')",
        "policy_version = 'another'",
        "mac = sha256(mac)",
    )
    for number, id in enumerate(flipped):
        change = changes[number % len(changes)]
        log.execute(f"UPDATE decisions SET {change} WHERE id = %s".encode(), [id])  # noqa: S608  # our own words
    log.execute("DELETE FROM decisions WHERE id = ANY(%s::uuid[])", [deleted])
    log.execute("ALTER TABLE decision_links DROP CONSTRAINT uq_decision_links_decision_id")
    for one, other in zip(moved[::2], moved[1::2], strict=True):
        log.execute(
            "UPDATE decision_links l SET decision_id = o.decision_id, mac = o.mac, seal = o.seal, link = o.link"
            " FROM decision_links o WHERE (l.decision_id, o.decision_id) IN ((%s, %s), (%s, %s))",
            [one, other, other, one],
        )
    log.execute(
        "INSERT INTO decisions SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()))).*"
        " FROM decisions d, generate_series(1, %s) WHERE id = %s",
        [EACH - 1, ids[-1]],
    )
    inserted = {
        str(id) for (id,) in log.execute("SELECT id FROM decisions WHERE id NOT IN (SELECT id FROM kept_decisions)")
    }
    log.execute("ALTER TABLE decision_links ADD CONSTRAINT uq_decision_links_decision_id UNIQUE (decision_id)")

    ran = audit("audit", "verify")
    found = named(ran.stdout)
    assert ran.code == 1
    assert {id for id, what in found.items() if what == "flipped"} == set(flipped)
    assert {id for id, what in found.items() if what == "deleted"} == set(deleted)
    assert {id for id, what in found.items() if what == "reordered"} == set(moved)
    assert {id for id, what in found.items() if what == "inserted"} == inserted
    assert len(found) == 4 * EACH
    assert "100 finding(s)" in ran.stderr


def test_what_is_not_linked_yet_is_linked_first_unless_it_was_tampered_with(
    audit: Command, log: psycopg.Connection
) -> None:
    log.execute("DELETE FROM decision_links")
    [[changed]] = log.execute(
        "UPDATE decisions SET arm = 'none' WHERE id = (SELECT max(id::text)::uuid FROM decisions) RETURNING id"
    ).fetchall()
    ran = audit("audit", "verify")
    assert named(ran.stdout) == {str(changed): "flipped"}
    assert log.execute("SELECT count(*) FROM decision_links").fetchone() == (DECISIONS - 1,)


def test_a_decision_of_which_nothing_is_left_is_missed_at_its_place(audit: Command, log: psycopg.Connection) -> None:
    audit.succeeds("worker", "--once")
    log.execute("DELETE FROM decisions WHERE id = (SELECT decision_id FROM decision_links WHERE position = 7)")
    log.execute("DELETE FROM decision_links WHERE position = 7")
    assert named(audit("audit", "verify").stdout) == {"7": "deleted"}


def test_who_cuts_off_the_end_is_betrayed_by_a_head_that_was_noted(audit: Command, log: psycopg.Connection) -> None:
    audit.succeeds("worker", "--once")
    head = head_of("decisions", audit.succeeds("audit", "verify"))
    log.execute(
        "DELETE FROM decisions WHERE id = (SELECT decision_id FROM decision_links ORDER BY position DESC LIMIT 1)"
    )
    log.execute("DELETE FROM decision_links WHERE position = (SELECT max(position) FROM decision_links)")
    audit.succeeds("audit", "verify")
    assert "its end was cut off" in audit.fails("audit", "verify", "--head", head)


def test_a_head_that_is_none_is_refused(audit: Command) -> None:
    assert "POSITION:LINK" in audit.fails("audit", "verify", "--head", "nonsense")


def test_with_another_key_nothing_verifies(audit: Command, decided: Settings, log: psycopg.Connection) -> None:
    """Who can write to the tables and has no key can sign nothing."""
    audit.succeeds("worker", "--once")
    other = make_settings(decided.database_url.get_secret_value(), decided.models_dir)
    key = other.master_keys.get_secret_value()
    ran = audit("audit", "verify", STAYLINE_MASTER_KEYS=key)
    assert ran.code == 1
    assert f"{DECISIONS} finding(s)" in ran.stderr
    assert log.execute("SELECT count(*) FROM decisions").fetchone() == (DECISIONS,)
