"""Decide and record: what to do next, why, and why not the rest."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.domain.features import PROTECTED
from tests.conftest import make_key
from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once, codes, decide, outcome, question
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.pages import walk
from tests.factories.subscribers import LEAVING, STAYING, subscriber
from tests.factories.tables import count_rows
from tests.service import Service

PATH = "/v1/decisions"


def entries(decision: Any) -> dict[str, Any]:
    return {entry["action"]: entry for entry in decision["trace"]}


@pytest.fixture
def leaver(api: httpx.Client) -> str:
    return subscriber(api, features=LEAVING)


def test_a_decision_is_recorded_and_reads_as_it_was_made(api: httpx.Client, leaver: str) -> None:
    made = api.post(PATH, json=question(leaver))
    found = made.json()

    assert made.status_code == 201
    assert made.headers["location"] == f"{PATH}/{found['decision_id']}"
    assert found.keys() >= {
        "decision_id", "subscriber_id", "channel", "direction", "decided_at", "arm", "actions", "none_because",
        "trace", "last_contact", "score", "policy_version",
    }  # fmt: skip
    assert (found["subscriber_id"], found["channel"], found["direction"]) == (leaver, "call", "inbound")
    assert (found["arm"], found["none_because"], found["last_contact"]) == ("treatment", None, None)
    assert found["score"]["probability"] == pytest.approx(
        api.post("/v1/scores", json={"features": LEAVING}).json()["probability"], abs=1e-12
    )
    assert api.get(f"{PATH}/{found['decision_id']}").json() == found


def test_what_to_say_is_in_the_language_that_is_asked_for(api: httpx.Client, leaver: str) -> None:
    said = {action["code"]: action["say"] for action in walk(api, "/v1/actions", 200)}
    path = f"/v1/subscribers/{leaver}/next-best-actions"
    preview = api.get(path, params={"channel": "call", "language": "zh-CN"}).json()
    decision = decide(api, leaver, language="zh-CN")
    replayed = api.post(f"{PATH}/{decision['decision_id']}/replay", json={}).json()

    assert decision["actions"]
    for action in (*preview["actions"], *decision["actions"]):
        assert action["say"] == said[action["code"]]["zh-CN"]
    assert replayed["identical"]
    assert decide(api, leaver)["decision_id"] == decision["decision_id"]  # what was decided hangs on no language
    assert refused_fields(api.post(PATH, json=question(leaver, language="tlh"))) == {"/language"}


def test_actions_are_ranked_by_what_they_are_expected_to_be_worth(api: httpx.Client, leaver: str) -> None:
    actions = decide(api, leaver, limit=10)["actions"]
    worths = [Decimal(action["expected_value"]) for action in actions]

    assert len(actions) > 2
    assert [action["rank"] for action in actions] == list(range(1, len(actions) + 1))
    assert worths == sorted(worths, reverse=True)
    assert all(worth > 0 for worth in worths)


def test_the_expected_value_follows_from_the_figures_beside_it(api: httpx.Client, leaver: str) -> None:
    """Requirement A5."""
    for action in decide(api, leaver, limit=10)["actions"]:
        kept = Decimal(repr(action["uplift"])) * Decimal(action["retained_margin"])
        accepted = Decimal(repr(action["p_accept"])) * (Decimal(action["accept_cost"]) + Decimal(action["dilution"]))
        expected = kept - Decimal(action["contact_cost"]) - accepted
        assert abs(expected - Decimal(action["expected_value"])) <= Decimal("0.01")
        low, high = action["uplift_interval"]
        assert low <= action["uplift"] <= high
        assert action["say"]
        assert action["because"]
        assert action["uplift_source"] == "prior"


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_no_more_actions_are_chosen_than_were_asked_for(api: httpx.Client, leaver: str, limit: int) -> None:
    decision = decide(api, leaver, limit=limit)

    assert len(decision["actions"]) <= limit
    beyond = [entry for entry in decision["trace"] if entry["code"] == "BEYOND_LIMIT"]
    assert bool(beyond) == (limit < 3)


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
@pytest.mark.parametrize("channel", ["call", "app", "shop", "sms", "web"])
def test_each_catalogued_action_is_traced_once(api: httpx.Client, leaver: str, channel: str, direction: str) -> None:
    decision = decide(api, leaver, channel=channel, direction=direction)
    catalogue = {action["code"] for action in walk(api, "/v1/actions", 50)}

    assert Counter(entry["action"] for entry in decision["trace"]) == Counter(catalogue)
    kept = [entry["action"] for entry in decision["trace"] if entry["verdict"] == "kept"]
    assert kept == codes(decision)
    assert all(entry["reason"] for entry in decision["trace"])
    assert all(entry["step"] in {"eligibility", "contact_policy", "value", "limit"} for entry in decision["trace"])


def test_the_same_question_gets_the_same_decision_for_some_minutes(
    api: httpx.Client, store: psycopg.Connection, leaver: str
) -> None:
    first = api.post(PATH, json=question(leaver))
    again = api.post(PATH, json=question(leaver))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]

    store.execute("UPDATE decisions SET decided_at = decided_at - interval '11 minutes'")
    later = api.post(PATH, json=question(leaver))
    assert later.status_code == 201
    assert later.json()["decision_id"] != first.json()["decision_id"]


def test_another_channel_direction_or_caller_gets_a_decision_of_its_own(
    api: httpx.Client, service: Service, leaver: str
) -> None:
    decisions = [decide(api, leaver), decide(api, leaver, channel="app"), decide(api, leaver, direction="outbound")]
    with service.as_caller(make_key(service.settings, SCOPES)) as other:
        decisions.append(decide(other, leaver))

    assert len({decision["decision_id"] for decision in decisions}) == 4


def test_asked_by_many_at_once_one_decision_is_made(api: httpx.Client, leaver: str) -> None:
    answers = at_once(20, lambda _: api.post(PATH, json=question(leaver)))

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert all(answer.json() == answers[0].json() for answer in answers)


def test_what_is_learned_in_between_makes_a_new_decision(api: httpx.Client, leaver: str) -> None:
    def learn(number: int) -> httpx.Response:
        facts = [
            lambda: api.post("/v1/interactions", json=call(leaver)),
            lambda: api.post("/v1/complaints", json=complaint(leaver)),
            lambda: api.put(f"/v1/subscribers/{leaver}/snapshots/2026-11-01", json={"features": STAYING}),
            lambda: api.put(f"/v1/subscribers/{leaver}", json={"consents": {"all": False}}),
        ]
        return facts[number]()

    seen = {decide(api, leaver)["decision_id"]}
    for number in range(4):
        assert learn(number).is_success
        seen.add(decide(api, leaver)["decision_id"])
    assert len(seen) == 5


def test_a_fact_that_came_in_late_behind_a_newer_one_makes_a_new_decision(
    api: httpx.Client, store: psycopg.Connection, leaver: str
) -> None:
    api.post("/v1/interactions", json=call(leaver))
    first = decide(api, leaver)
    late = api.post("/v1/interactions", json=call(leaver)).json()
    store.execute(
        "UPDATE interactions SET recorded_at = recorded_at - interval '1 hour' WHERE subscriber_id = %s AND id = %s",
        [leaver, late["id"]],
    )
    assert decide(api, leaver)["decision_id"] != first["decision_id"]


def test_a_recorded_outbound_contact_uses_up_a_cap(api: httpx.Client, leaver: str) -> None:
    before = decide(api, leaver, direction="outbound")
    capped = [action["code"] for action in walk(api, "/v1/actions", 50) if action["caps"]]
    assert set(codes(before)) & set(capped)
    contacted_at = datetime.now(UTC) - timedelta(minutes=1)
    contact = call(leaver, direction="outbound", occurred_at=contacted_at.isoformat())
    assert api.post("/v1/interactions", json=contact).status_code == 201
    after = entries(decide(api, leaver, direction="outbound"))

    for code in set(codes(before)) & set(capped):
        assert (after[code]["step"], after[code]["verdict"]) == ("contact_policy", "removed")
        assert after[code]["code"] == "CONTACT_CAP"
        free_again_at = datetime.fromisoformat(after[code]["free_again_at"])
        assert (free_again_at - contacted_at) in {timedelta(days=days) for days in (7, 30, 90)}
        assert free_again_at.isoformat(timespec="minutes") in after[code]["reason"]


def test_deciding_is_not_contacting(api: httpx.Client, store: psycopg.Connection, leaver: str) -> None:
    chosen = codes(decide(api, leaver, direction="outbound"))
    store.execute("UPDATE decisions SET decided_at = decided_at - interval '1 hour'")

    assert codes(decide(api, leaver, direction="outbound")) == chosen


def test_an_inbound_contact_uses_up_no_cap(api: httpx.Client, leaver: str) -> None:
    chosen = codes(decide(api, leaver, direction="outbound"))
    api.post("/v1/interactions", json=call(leaver))

    assert codes(decide(api, leaver, direction="outbound")) == chosen


def test_a_cap_never_stands_before_the_answer_to_someone_who_called(api: httpx.Client, leaver: str) -> None:
    chosen = codes(decide(api, leaver))
    for _ in range(5):
        api.post("/v1/interactions", json=call(leaver, direction="outbound"))

    assert codes(decide(api, leaver)) == chosen


def test_a_contact_longer_ago_than_the_window_uses_up_no_cap(api: httpx.Client, leaver: str) -> None:
    chosen = codes(decide(api, leaver, direction="outbound"))
    api.post("/v1/interactions", json=call(leaver, direction="outbound", occurred_at=moments_ago(days=91)))

    assert codes(decide(api, leaver, direction="outbound")) == chosen


def test_an_offer_that_was_accepted_uses_up_its_cap(api: httpx.Client, leaver: str) -> None:
    first = decide(api, leaver, direction="outbound")
    taken = codes(first)[0]
    api.post(f"{PATH}/{first['decision_id']}/outcomes", json=outcome(taken))
    second = decide(api, leaver, direction="outbound")

    assert entries(second)[taken]["code"] == "CONTACT_CAP"
    assert {name: second["last_contact"][name] for name in ("action", "outcome")} == {
        "action": taken,
        "outcome": "accepted",
    }


@pytest.mark.parametrize("status", ["arrears", "suspended"])
@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_whom_the_operator_cut_off_is_offered_nothing(api: httpx.Client, status: str, direction: str) -> None:
    """Requirements A11, A12."""
    decision = decide(api, subscriber(api, features=LEAVING, status=status), direction=direction, limit=10)

    assert (decision["actions"], decision["arm"]) == ([], "none")
    assert status in decision["none_because"]
    assert {entry["code"] for entry in decision["trace"]} == {"INVOLUNTARY"}


def test_who_has_left_is_offered_nothing(api: httpx.Client) -> None:
    decision = decide(api, subscriber(api, features=LEAVING, status="churned"))

    assert (decision["actions"], decision["none_because"]) == ([], "the subscriber has left")


@pytest.mark.parametrize("features", [None, {}, {"tenure_months": 3}])
def test_of_whom_too_little_is_known_nothing_is_offered_and_the_reason_said(
    api: httpx.Client, features: dict[str, Any] | None
) -> None:
    """Requirement C17."""
    decision = decide(api, subscriber(api, features=features))

    assert (decision["actions"], decision["score"], decision["arm"]) == ([], None, "none")
    assert decision["none_because"]
    assert len(decision["trace"]) == len(walk(api, "/v1/actions", 50))


def test_who_is_unlikely_to_leave_is_left_in_peace_or_worth_it(api: httpx.Client) -> None:
    decision = decide(api, subscriber(api, features=STAYING), direction="outbound")

    assert bool(decision["actions"]) != bool(decision["none_because"])
    assert entries(decision)["contract_12m_discount"]["code"] == "NOT_ELIGIBLE"


def test_a_complaint_is_solved_before_anything_is_sold(api: httpx.Client, leaver: str) -> None:
    """Requirements A17, J9, K6."""
    offers = {action["code"] for action in walk(api, "/v1/actions", 50) if action["kind"] == "offer"}
    assert offers & set(codes(decide(api, leaver, limit=10)))
    opened = api.post("/v1/complaints", json=complaint(leaver, type="network", network_fault_type="slow_data")).json()
    decision = decide(api, leaver, limit=10)

    assert not offers & set(codes(decision))
    assert codes(decision)[0] == "network_repair"
    assert entries(decision)["contract_12m_discount"]["code"] == "FAULT_FIRST"
    assert entries(decision)["autopay_credit"]["code"] in {"FAULT_FIRST", "COMPLAINT_OPEN"}
    solved = {"status": "resolved", "root_cause": "A cell", "action_taken": "Repaired"}
    api.patch(f"/v1/complaints/{opened['id']}", json=solved, headers={"if-match": "*"})
    assert offers & set(codes(decide(api, leaver, limit=10)))


@pytest.mark.parametrize("refused", ["all", "call"])
def test_an_opt_out_is_kept_where_we_start_and_not_where_they_call(api: httpx.Client, refused: str) -> None:
    subscriber_id = subscriber(api, features=LEAVING, consents={refused: False, "sms": True})
    outbound = decide(api, subscriber_id, direction="outbound")

    assert outbound["actions"] == []
    assert refused in outbound["none_because"]
    assert decide(api, subscriber_id, direction="inbound")["actions"]


def test_who_refuses_marketing_is_called_about_no_offer(api: httpx.Client) -> None:
    decision = decide(api, subscriber(api, features=LEAVING, consents={"marketing": False}), direction="outbound")

    offers = {action["code"] for action in walk(api, "/v1/actions", 50) if action["kind"] == "offer"}
    assert decision["actions"]
    assert not offers & set(codes(decision))


@pytest.mark.parametrize("detail", ["full", "summary", "none"])
def test_the_trace_is_as_long_as_was_asked(api: httpx.Client, leaver: str, detail: str) -> None:
    shown = {"full": len(walk(api, "/v1/actions", 50)), "summary": 2, "none": 0}[detail]
    made = api.post(PATH, params={"trace": detail}, json=question(leaver, limit=2)).json()
    read = api.get(f"{PATH}/{made['decision_id']}", params={"trace": detail}).json()
    preview = api.get(
        f"/v1/subscribers/{leaver}/next-best-actions", params={"channel": "call", "limit": "2", "trace": detail}
    ).json()

    assert [len(answer["trace"]) for answer in (made, read, preview)] == [shown] * 3


def test_a_trace_that_was_not_shown_is_kept(api: httpx.Client, leaver: str) -> None:
    made = api.post(PATH, params={"trace": "none"}, json=question(leaver)).json()

    assert len(api.get(f"{PATH}/{made['decision_id']}").json()["trace"]) == len(walk(api, "/v1/actions", 50))


def test_a_preview_is_the_same_computation_and_records_nothing(
    api: httpx.Client, store: psycopg.Connection, leaver: str
) -> None:
    rows = count_rows(store)
    preview = api.get(f"/v1/subscribers/{leaver}/next-best-actions", params={"channel": "call"}).json()
    assert count_rows(store) == rows
    decision = decide(api, leaver)

    assert preview["preview"] is True
    assert not {"decision_id", "arm"} & preview.keys()
    same = preview.keys() & decision.keys() - {"decided_at"}
    assert {name: preview[name] for name in same} == {name: decision[name] for name in same}


def test_the_policy_version_names_the_rules_in_force(api: httpx.Client) -> None:
    """Requirement C19."""
    path, read_only = "/v1/actions/usage_tips", {"code"}
    action = {name: value for name, value in api.get(path).json().items() if name not in read_only}
    one, other = (decide(api, subscriber(api, features=LEAVING))["policy_version"] for _ in range(2))
    assert api.put(path, json=action | {"contact_cost": "1.10"}).status_code == 200
    changed = decide(api, subscriber(api, features=LEAVING))["policy_version"]
    api.put(path, json=action)

    assert one == other != changed
    assert decide(api, subscriber(api, features=LEAVING))["policy_version"] == one


def test_what_is_protected_changes_no_decision(api: httpx.Client, store: psycopg.Connection) -> None:
    """Requirement G14."""
    store.execute(
        "INSERT INTO features (name, type, levels, source, updated_at)"
        " VALUES ('gender', 'category', '{}', 'test', now()) ON CONFLICT DO NOTHING"
    )
    decisions = [
        decide(api, subscriber(api, features=LEAVING | {"gender": gender}), limit=10) for gender in ("female", "male")
    ]

    worths = [[(action["code"], action["expected_value"]) for action in found["actions"]] for found in decisions]
    assert worths[0] == worths[1] != []


def test_flipping_all_that_is_protected_changes_no_answer(api: httpx.Client, store: psycopg.Connection) -> None:
    """Requirement G14: under all kinds of subscribers, and with every protected attribute there is."""
    chance = random.Random(14)  # noqa: S311  # which subscribers, not a secret
    for name in PROTECTED:
        store.execute(
            "INSERT INTO features (name, type, levels, source, updated_at)"
            " VALUES (%s, 'category', '{}', 'test', now()) ON CONFLICT DO NOTHING",
            [name],
        )
    for _ in range(8):
        known = LEAVING | {"tenure_months": chance.randint(1, 60)}
        person = subscriber(api, features=known, value_tier=chance.choice(["gold", "platinum", None]))
        asked = {"channel": chance.choice(["call", "app"]), "direction": chance.choice(["inbound", "outbound"])}
        answers = []
        for value in ("female", "male", "x"):
            said = known | {name: value for name in PROTECTED if chance.random() < 0.8}
            path = f"/v1/subscribers/{person}/snapshots/2026-10-31"
            assert api.put(path, json={"features": said}).is_success
            answers.append(decide(api, person, limit=10, **asked))
        plain = [{name: a[name] for name in a.keys() - {"decision_id", "decided_at"}} for a in answers]
        assert plain[0] == plain[1] == plain[2]
    store.execute("DELETE FROM features WHERE name = ANY(%s)", [sorted(PROTECTED)])


@pytest.mark.parametrize(("type", "revenue"), [("category", "high"), ("boolean", True)])
def test_a_revenue_that_is_no_number_is_none(
    api: httpx.Client, store: psycopg.Connection, type: str, revenue: object
) -> None:
    """The dictionary is the operator's: a feature the settings name as revenue may hold anything there."""
    store.execute(
        "INSERT INTO features (name, type, levels, source, updated_at)"
        " VALUES ('avg_spend_3m', %s, '{}', 'test', now())",
        [type],
    )
    subscriber_id = subscriber(api, features={"avg_spend_3m": revenue})
    store.execute("DELETE FROM features WHERE name = 'avg_spend_3m'")

    assert decide(api, subscriber_id)["none_because"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscriber_id", "nobody"),
        ("channel", CANARY),
        ("direction", None),
        ("limit", 0),
        ("limit", 11),
        ("limit", "3"),
        ("limit", 3.0),
        ("owner", ""),
        ("context", [CANARY]),
        ("arm", "treatment"),
        ("at", "2026-10-31T09:30:00Z"),
    ],
)
def test_a_question_is_refused_by_the_name_of_its_field(
    api: httpx.Client, leaver: str, field: str, value: object
) -> None:
    assert refused_fields(api.post(PATH, json=question(leaver) | {field: value})) == {f"/{field}"}


def test_what_is_not_there_is_not_found(api: httpx.Client) -> None:
    problem(api.get(f"{PATH}/01a200e5-1bcf-7a83-9b61-5a26ac00dfee"), 404)
    problem(api.get("/v1/subscribers/nobody/next-best-actions", params={"channel": "call"}), 404)
