"""Nothing in a manifest is trusted before it has been read strictly."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.ml.manifest import parse, seal

RIGHT: list[dict[str, Any]] = [
    {"name": "x", "type": "number", "unit": None, "minimum": 0, "maximum": 1, "levels": [], "nullable": False}
]
COUNTED: dict[str, Any] = {"cuts": [0.5], "counts": [0, 3, 4]}


def counted(**changes: Any) -> dict[str, Any]:
    return {"reference": {"features": [COUNTED | changes], "score": COUNTED}}


CANARY: dict[str, Any] = {"rows": [[None], [0.5]], "logits": [-1.0, 1.0]}


@pytest.fixture
def fields(directory: Path) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    del fields["manifest_sha256"]
    described = {"reference": {"features": [COUNTED], "score": COUNTED}, "canary": CANARY}
    return fields | {"features": RIGHT, "terms": [[0]], **described}


def test_a_sealed_manifest_reads_back_as_it_was_written(fields: dict[str, Any]) -> None:
    manifest = parse(seal(fields))
    assert [feature.name for feature in manifest.features] == ["x"]
    assert manifest.trained_at.isoformat() == "2026-11-03T09:30:00+00:00"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"format": 1}, "format"),
        ({"name": "../churn"}, "name"),
        ({"version": "1"}, "version"),
        ({"version": "20261103-000000000000"}, "does not name its model"),
        ({"churn_kind": "boredom"}, "churn_kind"),
        ({"horizon_days": "30"}, "horizon_days"),
        ({"trained_at": "2026-11-03T09:30:00"}, "trained_at"),
        ({"features": []}, "features"),
        ({"features": RIGHT * 2}, "a feature is repeated"),
        ({"features": [RIGHT[0] | {"name": "Gender"}]}, "protected attribute"),
        ({"features": [RIGHT[0] | {"minimum": 2}]}, "minimum exceeds maximum"),
        ({"features": [RIGHT[0] | {"levels": ["a"]}]}, "a category has levels"),
        ({"features": [RIGHT[0] | {"type": "boolean"}]}, "only a number has a range"),
        ({"features": [RIGHT[0] | {"type": "category", "minimum": None, "maximum": None}]}, "a category has levels"),
        (
            {"features": [RIGHT[0] | {"type": "category", "minimum": None, "maximum": None, "levels": ["a", "a"]}]},
            "a level is repeated",
        ),
        ({"terms": [[1]]}, "a term names a feature that is not there"),
        ({"terms": [[0], [0]]}, "a term is repeated"),
        ({"terms": [[0, 0]]}, "a pair must name two features"),
        ({"terms": [[0, 1, 2]]}, "terms.0"),
        ({"bands": {"medium": 0.5, "high": 0.4, "critical": 0.9}}, "bands must ascend"),
        ({"files": {}}, "files"),
        ({"reference": {"features": [], "score": COUNTED}}, "the reference does not describe the features"),
        ({"reference": {"features": [COUNTED]}}, "reference.score"),
        (counted(cuts=[]), "a count for each bin"),
        (counted(cuts=[0.5, 0.5], counts=[0, 1, 1, 1]), "cuts must ascend"),
        (counted(cuts=[1e39]), "reference.features.0.cuts.0"),
        (counted(counts=[0, -1, 2]), "reference.features.0.counts.1"),
        (counted(counts=[0, 0, 0]), "no row was counted"),
        (counted(cuts=[*range(21)], counts=[1] * 23), "at most 20"),
        ({"files": {"report.json": "0" * 64}}, "files must name the model"),
        ({"files": {"model.onnx": "0" * 64, "weights.bin": "0" * 64}}, "files"),
        ({"canary": CANARY | {"rows": []}}, "canary.rows"),
        ({"canary": CANARY | {"rows": [[0.5]] * 33}}, "canary.rows"),
        ({"canary": CANARY | {"rows": [[0.5], [0.5, 0.5]]}}, "a canary row must have one cell a feature"),
        ({"canary": CANARY | {"rows": [[0.5], [1e39]]}}, "canary.rows"),
        ({"canary": CANARY | {"logits": [0.5]}}, "a canary row must have one logit"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_the_place(
    fields: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        seal(fields | change)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'{"format": 1, "format": 1}', "not valid JSON"),
    ],
)
def test_what_is_no_json_object_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)
