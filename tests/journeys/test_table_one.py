"""The standard inputs by name: a table of them is trained on without a mapping, and a row of all of them scores."""

import csv
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.ml.bundle import load_bundle
from tests.cli.command import Command
from tests.conftest import make_settings, serving

ROWS = 1500
AS_OF = date(2026, 10, 31)


def subscriber(chance: random.Random) -> dict[str, Any]:
    """One row of the 27 inputs (B1 to B5), of somebody who leaves more often where calls are forwarded."""
    forwarded, spend = chance.choice([0, 0, 0, 2, 9]), chance.uniform(10, 150)
    return {
        "gender": chance.choice(["female", "male"]),
        "occupation": chance.choice(["clerk", "driver", "teacher"]),
        "region": chance.choice(["north", "south"]),
        "age": chance.randint(18, 80),
        "payment_method": chance.choice(["bank", "cash"]),
        "customer_grade": chance.choice(["gold", "plain"]),
        "join_date": (AS_OF - timedelta(days=chance.randint(10, 3000))).isoformat(),
        "vpmn_group_id": f"g{chance.randint(1, 300)}",
        "avg_spend_6m": round(spend, 2),
        "avg_spend_3m": round(spend * chance.uniform(0.4, 1.1), 2),
        "call_forward_m3": chance.randint(0, 2),
        "call_forward_m2": chance.randint(0, 2),
        "call_forward_m0": forwarded,
        "offnet_onnet_ratio": round(chance.uniform(0, 2), 3),
        "missed_calls": chance.randint(0, 30),
        "total_minutes": chance.randint(0, 2000),
        "roaming_count": chance.randint(0, 5),
        "arrears_suspend_6m": chance.choice([0, 0, 0, 1]),
        "pay_method_change_3m": chance.choice([0, 0, 1]),
        "payment_channel": chance.choice(["shop", "app"]),
        "complaint_type": chance.choice(["none", "billing", "network"]),
        "complaint_severity": chance.choice(["none", "low", "high"]),
        "network_fault_type": chance.choice(["none", "coverage"]),
        "operation_mode_change": chance.choice([True, False]),
        "tariff_adjustment": chance.choice([True, False]),
        "new_policy": chance.choice([True, False]),
        "technology_change": chance.choice([True, False]),
    }


@pytest.mark.slow
def test_a_row_of_all_27_inputs_scores_and_what_is_protected_moves_nothing(tmp_path: Path, database_url: str) -> None:
    # B1-B5, B12, A10, A19, G14
    chance = random.Random(5)  # noqa: S311  # a sample, not a secret
    rows = [subscriber(chance) for _ in range(ROWS)]
    with (tmp_path / "table.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["subscriber_id", *rows[0], "left"])
        writer.writeheader()
        for number, row in enumerate(rows):
            left = chance.random() < (0.6 if row["call_forward_m0"] == 9 else 0.1)
            writer.writerow(row | {"subscriber_id": number, "left": "yes" if left else "no"})
    wish = ["--target", "left", "--positive", "yes", "--as-of", AS_OF, "--out", "models", "--folds", "1"]
    told = Command(tmp_path, {}).succeeds("train", "table.csv", *wish, "--activate")
    manifest = load_bundle(tmp_path / told.strip()).manifest
    named = {feature.name for feature in (*manifest.features, *manifest.accepted)}
    assert rows[0].keys() <= named
    assert manifest.short_tenure is not None
    assert manifest.training.excluded.keys() == {"short tenure"}
    new = rows[0] | {"join_date": (date.today() - timedelta(days=20)).isoformat()}  # noqa: DTZ011  # the service's day
    with serving(make_settings(database_url, tmp_path / "models")) as service:
        answers = [
            service.client.post("/v1/scores", json={"features": features})
            for features in (rows[0], rows[0] | {"gender": "other"}, new, dict.fromkeys(rows[0]))
        ]
        assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
        one, other, newcomer, _ = (answer.json() for answer in answers)
        assert one["probability"] == other["probability"]
        assert "short_tenure" in newcomer["exclusions"]
        refused = service.client.post("/v1/scores", json={"features": rows[0] | {"age": -1}})
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/features/age"]
