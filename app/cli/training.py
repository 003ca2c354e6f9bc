"""train: a table becomes a model, with the report to defend it."""

import csv
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, get_args

import typer
import yaml
from rich.console import Console
from rich.table import Table as Shown

from app.cli.options import AsOf, RejectsPath, TablePath, day
from app.cli.progress import rejects_file, steps
from app.errors import Invalid
from app.ml import registry
from app.ml.manifest import ChurnKind
from app.ml.training.cause_graph import read_cause_graph
from app.ml.training.material import Material, prepare
from app.ml.training.release import Origin
from app.ml.training.train import Plan, Trained, purpose_of, train
from app.pipelines.binding import Bound, bind, with_months
from app.pipelines.churn_causes import causes_of_leavers, read_rules
from app.pipelines.labelled import Labelled, read, tenure_limit
from app.pipelines.mapping import TABLE_1, Mapping, read_mapping
from app.pipelines.questions import Question
from app.pipelines.shaping import shaped
from app.pipelines.tables import open_table

ReadMappingPath = Annotated[
    Path, typer.Option("--mapping", help="YAML: which column goes where. Without it: the standard names.")
]


class ChurnKindRefused(Invalid):
    """There is no such kind of churn."""


def train_(
    table: TablePath,
    out: Annotated[Path, typer.Option(help="The models' folder; the bundle goes to OUT/NAME/VERSION.")],
    mapping: ReadMappingPath = TABLE_1,
    target: Annotated[str | None, typer.Option(help="The column that tells who left.")] = None,
    positive: Annotated[str | None, typer.Option(help="Its value for those who did.")] = None,
    kind: Annotated[str, typer.Option(help="port_out, downgrade or arpu_decline.")] = "port_out",
    horizon_days: Annotated[int, typer.Option(help="Days within which the label says they left.")] = 30,
    label_note: Annotated[str, typer.Option(help="What must be known of the label.")] = "",
    as_of: AsOf = None,
    min_tenure: Annotated[
        float | None, typer.Option(help="Leave out leavers and stayers of fewer months; they are scored and flagged.")
    ] = None,
    causes: Annotated[
        Path | None, typer.Option(help="YAML: which feature causes which; of two that go together, the cause stays.")
    ] = None,
    allow_leak: Annotated[
        list[str] | None, typer.Option(help="A feature that tells the label and may stay all the same.")
    ] = None,
    folds: Annotated[int, typer.Option(min=1, max=20, help="For the comparison; 1: one split.")] = 5,
    seed: Annotated[int, typer.Option()] = 20240601,
    keep_held_out: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--keep-held-out", help="Leave the quarter it is judged on out of the model for good.")
    ] = False,
    rejects: RejectsPath = None,
    out_of_fold: Annotated[
        Path | None,
        typer.Option(help="Write each training row's score by a model that never saw it: an input for others."),
    ] = None,
    show_schema: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--show-schema", help="Print the mapping as inferred, and stop.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show what was read.")] = False,  # noqa: FBT002  # as above
    activate: Annotated[bool, typer.Option("--activate", help="Make it the active model of its kind.")] = False,  # noqa: FBT002  # as above
) -> None:
    """Train a churn model on three quarters of a table, judge it on the rest, export it, made of all, as a bundle."""
    if kind not in get_args(ChurnKind):
        raise ChurnKindRefused(f"--kind {kind} is none of {', '.join(get_args(ChurnKind))}")
    given = read_mapping(mapping)
    opened = shaped(open_table(table), given, mapping.parent)
    bound = bind(given, opened, besides=frozenset(filter(None, [target])))
    bound = with_months(bound, dated=bool(as_of or bound.as_of))
    if show_schema:
        shown = bound.model_dump(mode="json", exclude_defaults=True, include=set(Mapping.model_fields))
        typer.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), nl=False)
        return
    purpose = purpose_of(kind, horizon_days, label_note)
    question = Question(purpose.churn_kind, horizon_days, target, positive, day(as_of) if as_of else None, min_tenure)
    allowed = frozenset(allow_leak or ())
    plan = Plan(seed=seed, folds=folds, graph=read_cause_graph(causes) if causes else None, refit=not keep_held_out)
    with steps() as tell:
        tell(f"Reading {table.name}", 0)
        declared = frozenset() if given.optional else frozenset(feature.name for feature in given.features())
        with rejects_file(rejects, table, mapping) as reject:
            hear = reject if rejects else None
            labelled = read(opened, bound, question, declared=declared, allowed=allowed, reject=hear)
        # Whoever lets columns be inferred is not choosy: a cell may then be blank that no training row left blank.
        lenient = given.optional or given.everything_else == "infer"
        material = prepare(replace(labelled.dataset, lenient=lenient), allowed=allowed)
    origin = _origin(table, bound, labelled, question)
    if not quiet:
        _show(origin)
    with steps() as tell:
        trained = train(material, purpose, out=out, plan=plan, origin=origin, tell=tell)
    if out_of_fold:
        _write_out_of_fold(out_of_fold, material, trained)
    if activate:
        registry.activate(out, trained.directory.parent.name, trained.directory.name)
    typer.echo(trained.directory)


def _origin(table: Path, bound: Bound, labelled: Labelled, question: Question) -> Origin:
    """Tell how the table was read, for the report."""
    causes = causes_of_leavers(labelled.dataset, read_rules())
    return Origin(
        table=table.name,
        schema=[
            {
                "column": column,
                "feature": source.place[1] if source.place[0] == "features" else source.to,
                "type": source.type,
                "unit": source.unit,
                "inferred": column in bound.inferred,
            }
            for column, source in bound.sources()
        ],
        cleaning=asdict(labelled.cleaning),
        causes=asdict(causes) if causes else None,
        left_out=bound.left_out,
        min_tenure_months=tenure_limit(bound, question) or None,
    )


def _show(origin: Origin) -> None:
    """Show what was read: the schema, what was left out, and what became of the rows."""
    shown = Shown("column", "read as", "type", "", box=None)
    for row in origin.schema:
        shown.add_row(row["column"], row["feature"], row["type"], "inferred" if row["inferred"] else "")
    for column, reason in origin.left_out.items():
        shown.add_row(column, "-", "", f"left out: {reason}")
    console = Console(stderr=True, highlight=False)
    console.print(shown)
    assert origin.cleaning  # noqa: S101  # a table that was read has one
    rows = origin.cleaning["rows"]
    filtered = "".join(f" + {count} {reason}" for reason, count in rows["filtered"].items())
    console.print(f"{rows['read']} rows read = {rows['kept']} to learn from{filtered}")


def _write_out_of_fold(path: Path, material: Material, trained: Trained) -> None:
    ids, dates = material.training.ids, material.training.dates
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *(["as_of"] if dates else []), "probability"])
        for row, probability in zip(trained.rows.tolist(), trained.out_of_fold.tolist(), strict=True):
            writer.writerow([ids[row], *([dates[row]] if dates else []), probability])


def register(cli: typer.Typer) -> None:
    cli.command("train")(train_)
