"""From a table to a registered bundle."""

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
from app.ml.features import FeaturesRefused, complete, encode
from app.ml.scorer import score
from app.ml.training.dataset import NoRows, NoUsableFeature, OneClassOnly, TooFewRows
from app.ml.training.fit import FULL, Effort
from app.ml.training.material import ColumnTellsNothing, prepare
from app.ml.training.train import Plan, purpose_of, train

AT = datetime(2026, 11, 3, tzinfo=UTC)
FEW = 1200


def trained(table: Dataset, out: Path, effort: Effort, **changes: Any) -> Path:
    facts: dict[str, Any] = {"churn_kind": "port_out", "horizon_days": 30, "label_note": "a proxy", "at": AT}
    plan = Plan(seed=7, folds=1, effort=effort)
    return train(prepare(table), purpose_of(**(facts | changes)), out=out, plan=plan).directory


def with_gender(table: Dataset, gender: list[FeatureValue]) -> Dataset:
    features = (*table.features, Feature("gender", FeatureType.CATEGORY))
    return replace(table, features=features, columns=table.columns | {"gender": gender})


def first(table: Dataset, rows: int) -> Dataset:
    columns = {name: column[:rows] for name, column in table.columns.items()}
    return Dataset(table.ids[:rows], table.features, columns, table.labels[:rows])


@pytest.fixture(scope="module")
def of_few(telco: Dataset, effort: Effort, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """What training makes of the first rows."""
    return load_bundle(trained(first(telco, FEW), tmp_path_factory.mktemp("few"), effort))


@pytest.mark.slow
def test_a_table_becomes_a_bundle_that_loads_and_progress_is_told(
    telco: Dataset, tmp_path: Path, effort: Effort
) -> None:
    told: list[tuple[str, float]] = []
    purpose = purpose_of("port_out", 30, "why they left is unknown")
    plan = Plan(folds=1, effort=effort)
    directory = train(
        prepare(first(telco, FEW)), purpose, out=tmp_path, plan=plan, tell=lambda step, done: told.append((step, done))
    ).directory
    manifest = load_bundle(directory).manifest
    assert directory == tmp_path / "churn" / manifest.version
    assert sorted(path.name for path in directory.iterdir()) == [
        "manifest.json",
        "model.onnx",
        "report.html",
        "report.json",
    ]
    assert [done for _, done in told] == sorted(done for _, done in told)
    assert len(told) > 5
    assert manifest.training.rows == FEW
    assert manifest.label_note == "why they left is unknown"


@pytest.mark.slow
def test_flipping_a_protected_attribute_changes_nothing(
    telco: Dataset, women: list[FeatureValue], tmp_path: Path, effort: Effort, subscriber: dict[str, FeatureValue]
) -> None:
    # G14: gender is never a model input
    few, some = first(telco, FEW), women[:FEW]
    flipped: list[FeatureValue] = ["male" if value == "female" else "female" for value in some]
    one = load_bundle(trained(with_gender(few, some), tmp_path / "one", effort))
    other = load_bundle(trained(with_gender(few, flipped), tmp_path / "other", effort))
    assert one.sha256 == other.sha256
    assert one.manifest == other.manifest
    assert one.manifest.training.dropped["gender"] == "protected"
    # A caller may send it: it is accepted, and passed over.
    female, male = (complete(one.contract, subscriber | {"gender": gender}, None) for gender in ("female", "male"))
    assert "gender" in one.contract.raw - one.contract.needed
    assert encode(one.contract, female).tolist() == encode(one.contract, male).tolist()


@pytest.mark.slow
def test_the_order_of_the_table_changes_nothing(telco: Dataset, tmp_path: Path, effort: Effort, of_few: Bundle) -> None:
    # C1
    few = first(telco, FEW)
    columns = {name: column[::-1] for name, column in few.columns.items()}
    backwards = Dataset(few.ids[::-1], few.features, columns, few.labels[::-1])
    other = load_bundle(trained(backwards, tmp_path, effort))
    assert of_few.sha256 == other.sha256
    assert of_few.manifest == other.manifest


@pytest.mark.slow
def test_the_figures_are_of_a_model_that_never_saw_their_rows_and_the_bundle_is_made_of_all(
    telco: Dataset, tmp_path: Path, effort: Effort, of_few: Bundle
) -> None:
    material, purpose = prepare(first(telco, FEW)), purpose_of("port_out", 30, at=AT)
    plan = Plan(7, folds=1, effort=effort, refit=False)
    again, kept = of_few, load_bundle(train(material, purpose, out=tmp_path, plan=plan).directory)
    for measure in ("auroc", "log_loss", "ece", "empc"):
        found = [getattr(bundle.manifest.metrics, measure) for bundle in (again, kept)]
        assert found[0] == pytest.approx(found[1], abs=1e-9)
    assert again.sha256 != kept.sha256
    trained_on, held_out = kept.manifest.training, kept.manifest.metrics
    assert again.manifest.training.rows == trained_on.rows + held_out.rows == FEW
    assert again.manifest.training.positives == trained_on.positives + held_out.positives
    assert (again.manifest.training.share, trained_on.share) == (1, 0.75)
    assert trained_on.data_sha256 != again.manifest.training.data_sha256


def test_probabilities_are_calibrated_on_rows_never_seen(bundle: Bundle) -> None:
    # C13: even a little training is within a tolerance of the observed rates
    metrics = bundle.manifest.metrics
    assert metrics.ece < 0.06
    assert metrics.intervals.auroc[0] < metrics.auroc < metrics.intervals.auroc[1]
    assert metrics.auroc > 0.82


def test_bands_open_at_the_top_half_fifth_and_twentieth_of_the_training_rows(bundle: Bundle, material: Any) -> None:
    probability = score(bundle, material.matrix).probability
    bands = bundle.manifest.bands
    shares = [float((probability >= least).mean()) for least in (bands.medium, bands.high, bands.critical)]
    assert shares == pytest.approx([0.5, 0.2, 0.05], abs=0.005)


def test_a_column_that_never_varies_is_no_input_and_refused_where_somebody_named_it(telco: Dataset) -> None:
    flat: list[FeatureValue] = [True] * len(telco.ids)
    table = replace(telco, columns=telco.columns | {"partner": flat})
    material = prepare(table)
    assert material.dropped == {"partner": "constant"}
    assert "partner" not in {feature.name for feature in material.features}
    with pytest.raises(ColumnTellsNothing, match="'partner' has the same value in every row"):
        prepare(replace(table, declared=frozenset({"partner"})))


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
