"""learn: what each action changes, from a log of who was given what by chance."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table as Shown

from app.cli.options import MappingPath, TablePath
from app.cli.progress import steps
from app.errors import Invalid
from app.ml import registry
from app.ml.dataset import Dataset
from app.ml.training.train import purpose_of
from app.ml.training.uplift.effects import FOLDS
from app.ml.training.uplift.experiment import Assignment, LogRefused, experiment_of
from app.ml.training.uplift.learning import Goal, Learned, Plan, learn
from app.pipelines.binding import bind
from app.pipelines.labelled import read
from app.pipelines.mapping import read_mapping
from app.pipelines.questions import Question
from app.pipelines.records import day_of, number_in
from app.pipelines.shaping import shaped
from app.pipelines.tables import open_table

GOALS: Final = ("lower", "raise")


class OptionsRefused(Invalid):
    """The options do not fit the log."""


def learn_(
    table: TablePath,
    mapping: MappingPath,
    out: Annotated[Path, typer.Option(help="The models' folder; the bundle goes to OUT/uplift/VERSION.")],
    arm: Annotated[str, typer.Option(help="The column that tells which arm was given.")],
    control: Annotated[str, typer.Option(help="Its value for those who were left alone.")],
    target: Annotated[str, typer.Option(help="The column that tells the outcome.")],
    positive: Annotated[str, typer.Option(help="Its value where it happened.")],
    propensity: Annotated[
        list[str] | None,
        typer.Option(
            help="ARM=PROBABILITY or ARM=COLUMN: how likely each arm was. Once for each arm, the control too."
        ),
    ] = None,
    observational: Annotated[  # noqa: FBT002  # a flag
        bool,
        typer.Option("--observational", help="Nobody knows the propensities: learn all the same, never rank by it."),
    ] = False,
    goal: Annotated[str, typer.Option(help="lower the outcome (churn) or raise it.")] = "lower",
    given_on: Annotated[str | None, typer.Option(help="The column with the day of the treatment.")] = None,
    became_on: Annotated[str | None, typer.Option(help="The column with the day of the outcome.")] = None,
    horizon_days: Annotated[int, typer.Option(help="Days within which the outcome counts.")] = 90,
    actions: Annotated[
        list[str] | None, typer.Option("--action", help="The actions there are now; an arm that is none is refused.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="The truth file of a simulated world: the report then shows the oracle.")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Parts, each predicted by the others.")] = FOLDS,
    seed: Annotated[int, typer.Option()] = 20240601,
    activate: Annotated[bool, typer.Option("--activate", help="Make it the active model of effects.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Learn what each action changes, for whom; say whether ranking by it beats ranking by risk; export a bundle."""
    if goal not in GOALS:
        raise OptionsRefused(f"--goal {goal} is neither lower nor raise")
    if bool(propensity) == observational:
        raise OptionsRefused(
            "say how likely each arm was (--propensity ARM=0.5, once for each);"
            " where nobody knows, --observational learns with a warning and never ranks"
        )
    chances = dict(_parted(one) for one in propensity or ())
    columns = {column for column in (arm, given_on, became_on) if column}
    columns |= {value for value in chances.values() if number_in(value) is None}
    given = read_mapping(mapping)
    opened = shaped(open_table(table), given, mapping.parent)
    if missing := sorted(columns - set(opened.columns)):
        raise OptionsRefused(f"the table has no column {missing[0]!r}")
    beside = given.model_copy(update={"segments": (*given.segments, *sorted(columns - set(given.segments)))})
    bound = bind(beside, opened, besides=frozenset({*columns, target}))
    purpose = purpose_of("port_out", horizon_days)
    with steps() as tell:
        tell(f"Reading {table.name}", 0)
        dataset = read(opened, bound, Question(purpose.churn_kind, horizon_days, target, positive)).dataset
        arms: Any = dataset.segments[arm]
        if gone := sorted(set(arms) - {None, control, *actions}) if actions else []:
            raise LogRefused(f"the arm {gone[0]!r} does not exist any more: no action has this code")
        assignment = Assignment(
            arms=arms,
            control=control,
            propensities=None if observational else {name: _chance(dataset, value) for name, value in chances.items()},
            given_on=_days(dataset.segments, given_on),
            became_on=_days(dataset.segments, became_on),
        )
        experiment = experiment_of(dataset, assignment)
        known = _truth(truth, dataset.ids, experiment.arms) if truth else None
        way: Goal = "lower" if goal == "lower" else "raise"
        learned = learn(
            experiment, purpose, out=out, plan=Plan(way, seed, folds), table=table.name, truth=known, tell=tell
        )
    _show(learned, observational=observational)
    if activate:
        registry.activate(out, learned.directory.parent.name, learned.directory.name)
    typer.echo(learned.directory)


def _parted(said: str) -> tuple[str, str]:
    arm, equals, value = said.rpartition("=")
    if not equals or not arm or not value:
        raise OptionsRefused(f"--propensity {said!r} is not ARM=PROBABILITY or ARM=COLUMN")
    return arm, value


def _chance(dataset: Dataset, value: str) -> list[float]:
    """The probabilities that a number or a column stands for."""
    if (same := number_in(value)) is not None:
        return [same] * len(dataset.ids)
    chances = []
    for row, cell in enumerate(dataset.segments[value], 1):
        chance = None if cell is None else number_in(cell)
        if chance is None:
            raise LogRefused(f"row {row}: {value!r} holds no probability")
        chances.append(chance)
    return chances


def _days(columns: Mapping[str, Sequence[str | None]], name: str | None) -> list[date | None] | None:
    if name is None:
        return None
    days: list[date | None] = []
    for row, cell in enumerate(columns[name], 1):
        try:
            days.append(day_of(cell))
        except ValueError:
            raise LogRefused(f"row {row}: {name!r} holds no day such as 2026-10-31") from None
    return days


def _truth(path: Path, ids: list[str], arms: tuple[str, ...]) -> Any:
    import numpy as np  # noqa: PLC0415  # only here
    from pyarrow import parquet  # noqa: PLC0415  # as above

    wanted = ["subscriber_id", "as_of", *(f"p_{arm}" for arm in arms)]
    truth = parquet.read_table(path, columns=wanted).sort_by([("as_of", "ascending")]).to_pydict()
    chances = zip(*(truth[name] for name in wanted[2:]), strict=True)
    last = dict(zip(truth["subscriber_id"], chances, strict=True))
    if set(ids) - last.keys():
        raise LogRefused("the truth file does not know every subscriber of the log")
    return np.array([last[id] for id in ids])


def _show(learned: Learned, *, observational: bool) -> None:
    """Say what was found, on the side: the answer of the command is where the bundle is."""
    uplift = learned.uplift
    console = Console(stderr=True, highlight=False, width=110)
    if observational:
        console.print("Warning: nobody knows the propensities; what looks like an effect may be how they were chosen.")
    shown = Shown("", "value", "95 % interval", box=None)
    for name, figure in [
        *((f"Qini {name}", one) for name, one in uplift["qini"].items()),
        ("uplift - risk", uplift["gap"]),
    ]:
        shown.add_row(name, f"{figure['value']:.4f}", f"{figure['low']:.4f} to {figure['high']:.4f}")
    for name, effect in uplift["arms"].items():
        gain = effect["gain"]
        shown.add_row(f"{name}, average gain", f"{gain['value']:.4f}", f"{gain['low']:.4f} to {gain['high']:.4f}")
    console.print(shown)
    console.print(
        "Ranking by uplift beats ranking by risk."
        if uplift["beats_risk"]
        else "Ranking by uplift is not shown to beat ranking by risk: risk goes on ranking."
    )


def register(cli: typer.Typer) -> None:
    cli.command("learn")(learn_)
