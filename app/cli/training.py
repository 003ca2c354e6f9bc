"""train: a table becomes a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
import typer
from rich.console import Console

from app.cli.options import MappingPath, TablePath
from app.domain.features import Feature, FeatureValue
from app.errors import Invalid
from app.ml import registry
from app.ml.dataset import Dataset
from app.ml.manifest import ChurnKind
from app.ml.training.train import train
from app.pipelines.mapping import Mapping, Record, Reject, bind, read_mapping, records
from app.pipelines.tables import Row, Table, open_table


class TargetRefused(Invalid):
    """The target column cannot be learned from."""


class RowsRefused(Invalid):
    """Some rows do not fit the mapping."""


class ChurnKindRefused(Invalid):
    """There is no such kind of churn."""


def train_(
    table: TablePath,
    mapping: MappingPath,
    target: Annotated[str, typer.Option(help="The column that tells who left.")],
    positive: Annotated[str, typer.Option(help="Its value for those who did.")],
    out: Annotated[Path, typer.Option(help="The models' folder; the bundle goes to OUT/NAME/VERSION.")],
    kind: Annotated[str, typer.Option(help="port_out, downgrade or arpu_decline.")] = "port_out",
    horizon_days: Annotated[int, typer.Option(help="Days within which the label says they left.")] = 30,
    label_note: Annotated[str, typer.Option(help="What must be known of the label.")] = "",
    seed: Annotated[int, typer.Option()] = 20240601,
    activate: Annotated[bool, typer.Option("--activate", help="Make it the active model of its kind.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Train a churn model on three quarters of a table, judge it on the rest, export it as a checked bundle."""
    console = Console(stderr=True)
    with console.status("Reading the table") as status:
        bundle = train_on(
            table,
            mapping,
            target=target,
            positive=positive,
            churn_kind=kind,
            horizon_days=horizon_days,
            label_note=label_note,
            seed=seed,
            out=out,
            activate=activate,
            progress=status.update,
        )
    typer.echo(bundle)


def train_on(
    table_path: Path,
    mapping_path: Path,
    *,
    target: str,
    positive: str,
    churn_kind: str,
    out: Path,
    activate: bool,
    progress: Callable[[str], None],
    **purpose: Any,
) -> Path:
    """Read, train, write the bundle, and return its directory."""
    if churn_kind not in get_args(ChurnKind):
        raise ChurnKindRefused(f"--kind {churn_kind} is none of {', '.join(get_args(ChurnKind))}")
    table = open_table(table_path)
    if target not in table.columns:
        raise TargetRefused(f"the table has no column {target!r} to learn from")
    given = read_mapping(mapping_path)
    if target in given.fields:
        raise TargetRefused(
            f"the mapping takes the target {target!r} as a feature, which would tell the model the answer"
        )
    mapping = bind(given, table, besides=frozenset({target}))
    dataset = read_dataset(table, mapping, target, positive)
    bundle = train(dataset, churn_kind=churn_kind, out=out, progress=progress, **purpose)  # type: ignore[arg-type]  # checked above
    if activate:
        registry.activate(out, bundle.parent.name, bundle.name)
    return bundle


def read_dataset(table: Table, mapping: Mapping, target: str, positive: str) -> Dataset:
    """Read a labelled table whole; the first row that does not fit stops it, since a model must not hide bad data."""
    features = mapping.features()
    ids: list[str] = []
    columns: dict[str, list[FeatureValue]] = {feature.name: [] for feature in features}
    labels: list[bool] = []
    for row, record in map(_require_taken, records(mapping, table)):
        ids.append(record.subscriber_id)
        labels.append(_label(row[target], record.line, target) == positive)
        _append(columns, features, record)
    if ids and not any(labels):
        raise TargetRefused(f"no row has the value {positive!r} in the column {target!r}")
    return Dataset(ids, tuple(features), columns, np.array(labels, dtype=bool))


def _label(raw: Any, line: int, target: str) -> str:
    text = "" if raw is None else str(raw).strip()
    if text.lower() in {"", "nan"}:
        raise RowsRefused(f"line {line}: {target} is empty, and nobody knows whether they left")
    return text


def _require_taken(taken: tuple[Row, Record] | list[Reject]) -> tuple[Row, Record]:
    if isinstance(taken, list):
        reject = taken[0]
        raise RowsRefused(f"line {reject.line}: {reject.field} {reject.reason}")
    return taken


def _append(columns: dict[str, list[FeatureValue]], features: list[Feature], record: Record) -> None:
    for feature in features:
        columns[feature.name].append(record.features.get(feature.name))


def register(cli: typer.Typer) -> None:
    cli.command("train")(train_)
