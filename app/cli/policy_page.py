"""A trial of rules, drawn: one page that needs nothing but itself."""

from collections.abc import Callable
from importlib.resources import files
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from app.ml.training.report.charts import BOTTOM, LEFT, RIGHT, TOP, key
from app.ml.training.report.numbers import count, plain
from app.ml.training.report.svg import Scale, bottom_axis, drawing, left_axis, path, tag
from app.services.policy_trials import NO_ACTION, Side, Trial, Tried

MOST_SPOTS: Final = 300
TITLES: Final = ("in force", "changed")


class Figure(NamedTuple):
    """One figure of both sides, with so many digits."""

    name: str
    now: float
    then: float
    digits: int = 0

    def written(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


def figures(trial: Trial) -> list[Figure]:
    """What the base would come to, by the rules in force and by the changed ones."""
    base = trial.now.ledger.base

    def both(name: str, of: Callable[[Side], float], digits: int = 0) -> Figure:
        return Figure(name, of(trial.now), of(trial.then), digits)

    found = [
        Figure("subscribers", trial.subscribers, trial.subscribers),
        both("given an action", lambda side: sum(side.chosen.values()) - side.chosen[NO_ACTION]),
        both("held out", lambda side: side.held_out),
        both("refused by the ARPU guard", lambda side: side.refused_by["ARPU_GUARD"]),
        both("churners expected within 30 days", lambda _: trial.churners, 1),
        both("churners prevented (each within its action's horizon)", lambda side: side.prevented, 1),
        both("expected cost", lambda side: float(side.ledger.spent_today), 2),
        both("revenue given away a month", lambda side: float(side.ledger.given_away), 2),
        both("expected value", lambda side: float(side.value), 2),
    ]
    if base:
        found.append(
            both(
                "revenue a subscriber a month after it",
                lambda side: float((base.monthly_revenue - side.ledger.given_away) / base.subscribers),
                4,
            )
        )
    return found


def page(trial: Trial, tried: Tried) -> str:
    style = (files("app.ml.training.report") / "templates" / "style.css").read_text(encoding="utf-8")
    said = f"{count(trial.subscribers)} active subscribers, {tried.direction.value} over {tried.channel.value}"
    rows = Markup("").join(
        tag("tr", tag("th", f.name, scope="row"), *(tag("td", f.written(value)) for value in (f.now, f.then)))
        for f in figures(trial)
    )
    head = tag("tr", *(tag("th", name, scope="col") for name in ("", *TITLES)))
    moved = trial.moved()
    moves = Markup("").join(
        tag("tr", tag("td", before), tag("td", after), tag("td", count(number))) for (before, after), number in moved
    )
    moves_head = tag("tr", *(tag("th", name, scope="col") for name in ("from", "to", "subscribers")))
    body = Markup("").join(
        [
            tag(
                "header",
                tag("p", "Stayline", class_="eyebrow"),
                tag("h1", "A change of the rules, tried"),
                class_="headline",
            ),
            tag(
                "main",
                tag(
                    "p", f"{said}. Nothing was recorded; every figure is an expectation of the model and the catalogue."
                ),
                tag("section", tag("h2", "What it comes to"), tag("table", tag("thead", head), tag("tbody", rows))),
                tag("section", tag("h2", "Churn prevented for the money"), frontier(trial)),
                tag(
                    "section",
                    tag("h2", "Who would get something else"),
                    tag("table", tag("thead", moves_head), tag("tbody", moves)) if moved else tag("p", "Nobody."),
                ),
                class_="headline",
            ),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>A change of the rules, tried</title><style>{style}</style></head><body>{escape(body)}</body></html>"
    )


def frontier(trial: Trial) -> Markup:
    """Draw both sides: the further left and up a curve runs, the more churn is prevented for the same money."""
    curves = [side.frontier() for side in (trial.now, trial.then)]
    widest = max(curve[-1].cost for curve in curves) or 1.0
    top = max(spot.prevented for curve in curves for spot in curve) or 1.0
    across, up = Scale(0, widest, LEFT, RIGHT), Scale(0, top * 1.05, BOTTOM, TOP)
    parts = [
        left_axis(up, LEFT, RIGHT, "churners prevented", plain),
        bottom_axis(across, BOTTOM, "expected cost, revenue given away included", plain),
    ]
    for number, curve in enumerate(curves):
        step = max(1, len(curve) // MOST_SPOTS)
        spots = [*curve[::step], curve[-1]]
        parts.append(path([(across(spot.cost), up(spot.prevented)) for spot in spots], f"curve curve-{number}"))
        parts.append(key(number, TITLES[number]))
    description = (
        f"In force: {curves[0][-1].prevented:.1f} churners prevented for {curves[0][-1].cost:.2f}. "
        f"Changed: {curves[1][-1].prevented:.1f} for {curves[1][-1].cost:.2f}."
    )
    return drawing("Churn prevented for the money", description, *parts, height=BOTTOM + 76)
