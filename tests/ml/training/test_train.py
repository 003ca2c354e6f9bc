"""From a table to a registered bundle."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.features import Feature, FeatureType, FeatureValue
from app.errors import Invalid
from app.ml.bundle import Bundle, load_bundle
from app.ml.dataset import Dataset
from app.ml.features import FeaturesRefused, complete
from app.ml.scorer import score
from app.ml.training.dataset import NoRows, NoUsableFeature, OneClassOnly, TooFewRows
from app.ml.training.fit import FULL, Effort
from app.ml.training.train import train

AT = datetime(2026, 11, 3, tzinfo=UTC)


def trained(table: Dataset, out: Path, effort: Effort, **changes: Any) -> Path:
    facts: dict[str, Any] = {"churn_kind": "port_out", "horizon_days": 30, "label_note": "a proxy", "seed": 7, "at": AT}
    return train(table, **(facts | changes), out=out, progress=lambda _: None, effort=effort)


def with_gender(table: Dataset, gender: list[FeatureValue]) -> Dataset:
    features = (*table.features, Feature("gender", FeatureType.CATEGORY))
    return replace(table, features=features, columns=table.columns | {"gender": gender})


def first(table: Dataset, rows: int) -> Dataset:
    columns = {name: column[:rows] for name, column in table.columns.items()}
    return Dataset(table.ids[:rows], table.features, columns, table.labels[:rows])


def test_a_table_becomes_a_bundle_that_loads_and_progress_is_told(
    telco: Dataset, tmp_path: Path, effort: Effort
) -> None:
    told: list[str] = []
    directory = train(
        telco,
        churn_kind="port_out",
        horizon_days=30,
        label_note="why they left is unknown",
        seed=7,
        out=tmp_path,
        progress=told.append,
        effort=effort,
    )
    manifest = load_bundle(directory).manifest
    assert directory == tmp_path / "churn" / manifest.version
    assert sorted(path.name for path in directory.iterdir()) == ["manifest.json", "model.onnx"]
    assert len(told) == 3
    assert manifest.metrics.rows + manifest.training.rows == 7043
    assert manifest.label_note == "why they left is unknown"


def test_flipping_a_protected_attribute_changes_nothing(
    telco: Dataset, women: list[FeatureValue], tmp_path: Path, effort: Effort, subscriber: dict[str, FeatureValue]
) -> None:
    # G14: gender is never a model input
    flipped: list[FeatureValue] = ["male" if value == "female" else "female" for value in women]
    one = load_bundle(trained(with_gender(telco, women), tmp_path / "one", effort))
    other = load_bundle(trained(with_gender(telco, flipped), tmp_path / "other", effort))
    assert one.sha256 == other.sha256
    assert one.manifest == other.manifest
    assert one.manifest.training.dropped == {"gender": "protected"}
    assert "gender" not in one.contract.raw
    with pytest.raises(FeaturesRefused):
        complete(one.contract, subscriber | {"gender": "female"}, None)


def test_the_order_of_the_table_changes_nothing(telco: Dataset, tmp_path: Path, effort: Effort, bundle: Bundle) -> None:
    # C1
    columns = {name: column[::-1] for name, column in telco.columns.items()}
    backwards = Dataset(telco.ids[::-1], telco.features, columns, telco.labels[::-1])
    assert load_bundle(trained(backwards, tmp_path, effort)).sha256 == bundle.sha256


def test_probabilities_are_calibrated_on_rows_never_seen(bundle: Bundle) -> None:
    # C13: even a little training is within a tolerance of the observed rates
    metrics = bundle.manifest.metrics
    assert metrics.ece < 0.06
    assert metrics.auroc_interval[0] < metrics.auroc < metrics.auroc_interval[1]
    assert metrics.auroc > 0.82


def test_bands_open_at_the_top_half_fifth_and_twentieth_of_the_training_rows(bundle: Bundle, material: Any) -> None:
    probability = score(bundle, material.matrix).probability
    bands = bundle.manifest.bands
    shares = [float((probability >= least).mean()) for least in (bands.medium, bands.high, bands.critical)]
    assert shares == pytest.approx([0.5, 0.2, 0.05], abs=0.005)


def test_a_column_that_never_varies_in_training_is_no_input(telco: Dataset, tmp_path: Path, effort: Effort) -> None:
    flat: list[FeatureValue] = [True] * len(telco.ids)
    directory = trained(replace(telco, columns=telco.columns | {"partner": flat}), tmp_path, effort)
    assert json.loads((directory / "manifest.json").read_text())["training"]["dropped"] == {"partner": "constant"}


@pytest.mark.parametrize(
    ("rows", "labels", "refusal", "sentence"),
    [
        (0, [], NoRows, "no rows"),
        (500, [True], OneClassOnly, "same label"),
        (500, [False], OneClassOnly, "same label"),
        (6, [True, False], TooFewRows, "too small"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused(
    telco: Dataset, tmp_path: Path, rows: int, labels: list[bool], refusal: type[Invalid], sentence: str
) -> None:
    table = replace(first(telco, rows), labels=np.resize(np.array(labels, bool), rows))
    with pytest.raises(refusal, match=sentence):
        trained(table, tmp_path / "out", FULL)
    assert not (tmp_path / "out").exists()


def test_a_table_with_only_protected_columns_is_refused(
    telco: Dataset, women: list[FeatureValue], tmp_path: Path
) -> None:
    table = with_gender(replace(telco, features=()), women)
    with pytest.raises(NoUsableFeature, match="No column"):
        trained(table, tmp_path / "out", FULL)


def test_a_value_that_is_no_feature_value_is_refused_with_its_row(telco: Dataset, tmp_path: Path) -> None:
    column = list(telco.columns["tenure_months"])
    column[17] = "long"
    with pytest.raises(FeaturesRefused, match="tenure_months in row 17 must be a number"):
        trained(replace(telco, columns=telco.columns | {"tenure_months": column}), tmp_path / "out", FULL)


@pytest.mark.parametrize("changes", [{"churn_kind": "boredom"}, {"horizon_days": 0}, {"label_note": "x" * 2000}])
def test_wrong_facts_about_the_model_are_refused_before_it_is_fitted(
    telco: Dataset, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(Invalid, match=next(iter(changes))):
        trained(telco, tmp_path / "out", FULL, **changes)


@pytest.mark.slow
def test_the_full_training_reaches_what_the_field_reaches(telco: Dataset, tmp_path: Path) -> None:
    # C13: the credible ceiling on this sample is .85 to .86
    metrics = load_bundle(trained(telco, tmp_path, FULL)).manifest.metrics
    assert metrics.auroc >= 0.84
    assert metrics.ece <= 0.04
