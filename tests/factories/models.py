"""A real, small model of real rows, trained in seconds."""

from pathlib import Path
from typing import Final

from app.demo import telco
from app.ml import registry
from app.ml.training.export import export
from app.ml.training.fit import Effort, fit
from app.ml.training.material import prepare
from app.ml.training.release import release
from app.ml.training.train import purpose_of
from app.pipelines.binding import bind
from app.pipelines.labelled import read
from app.pipelines.mapping import read_mapping
from app.pipelines.questions import Question
from app.pipelines.tables import open_table

TELCO_MAPPING: Final = Path(telco.__file__).with_name("telco.yaml")
SMALL: Final = Effort(interactions=2, max_bins=32, outer_bags=2, processes=1)


def train_small(csv: Path, root: Path, seed: int = 1) -> Path:
    """Train on IBM's sample, release into the registry `root`, and return the bundle's folder."""
    table = open_table(csv)
    question = Question("port_out", 30, "churn", "Yes")
    material = prepare(read(table, bind(read_mapping(TELCO_MAPPING), table), question).dataset)
    ebm = fit(material.matrix, material.training.labels, material.features, seed=seed, effort=SMALL)
    purpose = purpose_of("port_out", 30, telco.LABEL_NOTE)
    return release(material, ebm, export(ebm, material.features), purpose=purpose, seed=seed, out=root)


def activate(root: Path, bundle: Path) -> None:
    registry.activate(root, bundle.parent.name, bundle.name)
