"""One subscriber of whom everything is known that can be, most of it in words that must never show."""

from typing import Any

import httpx

from tests.factories.bodies import outcome, question
from tests.factories.contacts import call, complaint
from tests.factories.subscribers import LEAVING, new_id

PHONE, NAME, MAIL, STREET = "+8613877665544", "Ouyang Xiu", "xiu@oldtavern.example", "3 Pavilion Lane"
SAID, ASKED, TOLD, CAUSE, WHY = (
    "my aunt Mei told me",
    "call Uncle Bo",
    "Clerk Gao laughed",
    "Gao was new",
    "Mei said so",
)
HOBBY, HOME, KIN = "bamboo fishing", "Luling by the Gan", "+8613877665599"
CANARIES = (PHONE, NAME, MAIL, STREET, HOBBY, HOME, KIN, SAID, ASKED, TOLD, CAUSE, WHY)


class Life:
    """One subscriber, with everything that the service can know of somebody."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.id = f"erase-{new_id()}"
        self.path = f"/v1/subscribers/{self.id}"
        contact: dict[str, Any] = {"name": NAME, "phone": PHONE, "email": MAIL, "address": STREET}
        contact |= {"hobbies": HOBBY, "hometown": HOME, "family_numbers": [KIN]}
        self.send("PUT", self.path, {"region": "east", "contact": contact})
        self.send("PUT", f"{self.path}/snapshots/2026-10-31", {"features": LEAVING})
        self.contact = call(self.id, reason=SAID, request=ASKED, client_reference=f"ref {self.id}")
        self.send("POST", "/v1/interactions", self.contact)
        opened = self.send("POST", "/v1/complaints", complaint(self.id, description=TOLD))
        solved = {"status": "resolved", "root_cause": CAUSE, "action_taken": CAUSE}
        self.send("PATCH", f"/v1/complaints/{opened['id']}", solved)
        self.decision = self.send("POST", "/v1/decisions", question(self.id))
        self.outcomes = f"/v1/decisions/{self.decision['decision_id']}/outcomes"
        self.outcome = outcome(self.decision["actions"][0]["code"], reason=WHY)
        self.send("POST", self.outcomes, self.outcome)

    def send(self, method: str, path: str, body: Any) -> Any:
        answer = self.resend(method, path, body)
        assert answer.is_success, answer.text
        return answer.json()

    def resend(self, method: str, path: str, body: Any) -> httpx.Response:
        headers = {"idempotency-key": f"{path} of {self.id}", "if-match": "*"}
        return self.api.request(method, path, json=body, headers=headers)
