"""What is owed: follow-ups that logged needs leave behind (K3, I19), callbacks after a service (G4)."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.factories.answers import problem, refused_fields
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.pages import walk
from tests.factories.subscribers import subscriber

PATH = "/v1/tasks"


def of(api: httpx.Client, subscriber_id: str, **query: str) -> list[Any]:
    return walk(api, PATH, 50, subscriber_id=subscriber_id, **query)


def change(api: httpx.Client, task: dict[str, Any], **changes: Any) -> httpx.Response:
    etag = api.get(f"{PATH}/{task['id']}").headers["etag"]
    return api.patch(f"{PATH}/{task['id']}", json=changes, headers={"if-match": etag})


def resolved(api: httpx.Client, subscriber_id: str) -> dict[str, Any]:
    found = api.post("/v1/complaints", json=complaint(subscriber_id)).json()
    evidence = {"status": "resolved", "root_cause": "Queue", "action_taken": "Called back"}
    answer = api.patch(f"/v1/complaints/{found['id']}", json=evidence, headers={"if-match": '"1"'})
    done: dict[str, Any] = answer.json()
    return done


def test_a_wish_to_leave_is_followed_up_within_a_day(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    contact = api.post("/v1/interactions", json=call(subscriber_id, need="leave", agent_id="agent-7")).json()
    [task] = of(api, subscriber_id)

    assert (task["kind"], task["source"], task["source_id"]) == ("follow_up", "interaction", contact["id"])
    assert (task["about"], task["owner"], task["status"], task["overdue"]) == ("leave", "agent-7", "open", False)
    assert moment(task["due_at"]) == moment(contact["occurred_at"]) + timedelta(hours=24)


def test_a_follow_up_belongs_to_the_subscribers_own_manager(api: httpx.Client) -> None:
    """Requirements I19 and K9: from the counter to the one who looks after the subscriber."""
    subscriber_id = subscriber(api)
    etag = api.get(f"/v1/subscribers/{subscriber_id}").headers["etag"]
    api.patch(f"/v1/subscribers/{subscriber_id}", json={"owner": "manager-3"}, headers={"if-match": etag})
    api.post("/v1/interactions", json=call(subscriber_id, need="leave", agent_id="agent-7"))

    assert [task["owner"] for task in of(api, subscriber_id)] == ["manager-3"]
    assert [task["subscriber_id"] for task in walk(api, PATH, 50, owner="manager-3")] == [subscriber_id]


def test_one_contact_leaves_one_task_however_often_it_arrives(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    for _ in range(3):
        api.post("/v1/interactions", json=call(subscriber_id, need="leave", client_reference="leaving"))

    assert len(of(api, subscriber_id)) == 1


def test_contacts_in_a_batch_are_followed_up_too(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    items = [call(subscriber_id, need=need) for need in ("leave", "billing", "plan_enquiry")]
    api.post("/v1/interactions/batch", json={"items": items})

    assert sorted(task["about"] for task in of(api, subscriber_id)) == ["leave", "plan_enquiry"]


def test_a_task_is_handed_on_and_settled(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    api.post("/v1/interactions", json=call(subscriber_id, need="leave"))
    [task] = of(api, subscriber_id)
    handed = change(api, task, owner="agent-9", note="Prefers evenings").json()
    done = change(api, task, status="done").json()

    assert (handed["owner"], handed["note"], handed["version"]) == ("agent-9", "Prefers evenings", 2)
    assert (done["status"], done["note"]) == ("done", "Prefers evenings")
    assert done["completed_at"] is not None
    assert problem(change(api, task, owner="agent-1"), 409)["title"] == "The task is done or cancelled"
    problem(api.patch(f"{PATH}/{task['id']}", json={"status": "open"}, headers={"if-match": '"1"'}), 412)


def test_a_late_task_says_so(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    api.post("/v1/interactions", json=call(subscriber_id, need="leave", occurred_at=moments_ago(hours=25)))

    assert [task["overdue"] for task in of(api, subscriber_id)] == [True]


def test_a_solved_complaint_is_called_back_about_within_three_days(api: httpx.Client) -> None:
    """Requirement G4."""
    subscriber_id = subscriber(api)
    done = resolved(api, subscriber_id)
    [callback] = walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id, state="due")

    assert (callback["kind"], callback["source_id"]) == ("callback", done["id"])
    assert moment(callback["due_at"]) == moment(done["resolved_at"]) + timedelta(hours=72)
    assert walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id, state="overdue") == []
    change(api, callback, status="done")
    assert walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id, state="due") == []
    assert len(walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id, state="done")) == 1


def test_a_callback_past_its_time_stands_on_the_overdue_list(api: httpx.Client) -> None:
    """Requirement G4: the list is read off the clock."""
    subscriber_id = subscriber(api)
    resolved(api, subscriber_id)
    [callback] = walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id)
    change(api, callback, due_at=moments_ago(minutes=1))

    assert [
        item["overdue"] for item in walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id, state="overdue")
    ] == [True]


def test_a_complaint_that_is_opened_again_needs_no_callback_until_it_is_solved_again(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    done = resolved(api, subscriber_id)
    path, headers = f"/v1/complaints/{done['id']}", {"if-match": '"2"'}
    again = api.patch(path, json={"subscriber_confirmed": False}, headers=headers).json()

    assert (again["status"], again["reopen_count"], again["resolved_at"]) == ("in_progress", 1, None)
    assert walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id) == []
    api.patch(path, json={"status": "resolved"}, headers={"if-match": '"3"'})
    assert len(walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id, state="due")) == 1


def test_a_note_or_a_state_that_is_none_is_refused(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    api.post("/v1/interactions", json=call(subscriber_id, need="leave"))
    [task] = of(api, subscriber_id)

    assert refused_fields(change(api, task, status="lost")) == {"/status"}
    assert refused_fields(change(api, task, due_at="2026-10-31T09:30:00")) == {"/due_at"}
    problem(api.get(f"{PATH}/01a200e5-1bcf-7a83-9b61-5a26ac00dfee"), 404)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
