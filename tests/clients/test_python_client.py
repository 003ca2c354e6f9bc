"""A client generated from the committed description drives the golden path; nothing of it is written by hand."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import LEAVING, new_id
from tests.service import Service

ROOT = Path(__file__).parents[2]
PACKAGE = "stayline_client"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("client")
    generator = [str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--meta", "none"]
    sources = ["--path", "openapi/stayline.json", "--config", "openapi/clients/python.yaml"]
    subprocess.run(
        [*generator, *sources, "--output-path", str(folder / PACKAGE)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


class Generated:
    """The generated package, called as its users call it."""

    def __init__(self, service: Service) -> None:
        client = self.module("client").AuthenticatedClient(base_url=service.base_url, token=service.key)
        self.client = client

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{name}")

    def model(self, name: str, body: dict[str, Any]) -> Any:
        return getattr(self.module("models"), name).from_dict(body)

    def call(self, operation: str, *arguments: Any, **others: Any) -> Any:
        answer = self.module(f"api.{operation}").sync_detailed(*arguments, client=self.client, **others)
        assert answer.status_code < 300, answer.content
        return answer.parsed


def test_a_generated_client_scores_records_decides_and_reports_the_outcome(package: Path, service: Service) -> None:
    assert (package / PACKAGE / "py.typed").exists() or (package / PACKAGE / "client.py").exists()
    lay_dictionary(service.settings)
    generated = Generated(service)
    with generated.client:
        walk(generated)


def walk(generated: Generated) -> None:
    subscriber_id, now = new_id(), datetime.now(UTC).isoformat()

    profile = generated.model("SubscriberWrite", {"brand": "gold", "contact": {"phone": "+8613800000000"}})
    generated.call("subscribers.put_subscriber", subscriber_id, body=profile)
    snapshot = generated.model("SnapshotWrite", {"features": LEAVING})
    generated.call("subscribers.put_snapshot", subscriber_id, datetime.now(UTC).date(), body=snapshot)
    score = generated.call(
        "scores.score_subscriber", body=generated.model("ScoreRequest", {"subscriber_id": subscriber_id})
    )
    contact = {
        "subscriber_id": subscriber_id,
        "touchpoint": "hotline",
        "channel": "call",
        "direction": "inbound",
        "occurred_at": now,
        "reason": "Too dear",
        "request": "A cheaper plan",
    }
    generated.call("interactions.record_interaction", body=generated.model("InteractionCreate", contact))
    question = {"subscriber_id": subscriber_id, "channel": "call", "direction": "inbound"}
    decision = generated.call("decisions.decide", body=generated.model("DecisionCreate", question))
    outcome = {"action": decision.actions[0].code, "outcome": "accepted", "occurred_at": now}
    recorded = generated.call(
        "outcomes.record_outcome", decision.decision_id, body=generated.model("OutcomeCreate", outcome)
    )

    assert 0.5 < score.probability < 1
    assert score.drivers[0].effect == "raises"
    assert decision.actions[0].because
    assert recorded.decision_id == decision.decision_id
