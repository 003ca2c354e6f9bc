"""The report of a learning run: one page that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from app.ml.training.report.charts import BOTTOM, LEFT, RIGHT, TOP, key
from app.ml.training.report.numbers import count, share
from app.ml.training.report.sheet import page, points, table
from app.ml.training.report.svg import Child, Scale, bottom_axis, drawing, left_axis, line, path, rectangle, tag

TITLES: Final = {
    "uplift": "by what it changes (learned)",
    "risk": "by risk, best single arm",
    "everyone": "everyone gets the best single arm",
    "random": "by chance, any arm",
    "oracle": "who knows the truth",
}
SIMULATED: Final = "This is a simulated world: nothing in it is about real people."


def render(report: Mapping[str, Any]) -> str:
    """Return the report as one HTML page. Whatever comes from the table is untrusted and escaped."""
    uplift, model = report["uplift"], report["model"]
    verdict = (
        "Ranking by what an action changes beats ranking by risk, beyond chance: the engine ranks by it."
        if uplift["beats_risk"]
        else "Ranking by what an action changes is not shown to beat ranking by risk, which goes on ranking."
    )
    wanted = "less of the outcome" if uplift["goal"] == "lower" else "more of the outcome"
    parts: list[Child] = [
        tag("p", tag("strong", verdict)),
        tag(
            "p",
            f"Learned from {count(report['training']['rows'])} rows, {count(report['training']['positives'])} with"
            f" the outcome within {model['horizon_days']} days; wanted is {wanted}. Every figure is of rows"
            " that the model it judges never saw.",
        ),
    ]
    if report["warning"]:
        parts.insert(0, tag("p", tag("strong", f"Warning: {report['warning']}"), class_="note", role="alert"))
    if report["oracle"]:
        parts.append(tag("p", SIMULATED))
    sections = [
        tag("section", tag("h2", "What it found"), *parts),
        tag("section", tag("h2", "What treating more brings"), _qini(report["standings"]), _standings(report)),
        tag("section", tag("h2", "Each arm on average"), _arms(uplift["arms"])),
        tag("section", tag("h2", "Who is helped, and who is harmed"), *_spreads(report["spread"])),
        tag("section", tag("h2", "Can its predictions be believed?"), _reliability(uplift["arms"])),
    ]
    if report["oracle"]:
        sections.insert(2, tag("section", tag("h2", "In truth"), _truth(report["oracle"])))
    return page("What each action changes", f"{model['name']} {model['version']}", sections)


def _qini(standings: Sequence[Mapping[str, Any]]) -> Markup:
    shown = [one for one in standings if one["name"] != "everyone"]
    everyone = next(one for one in standings if one["name"] == "everyone")["curve"][-1]
    values = [value for one in shown for value in (*one["curve"], *one["low"], *one["high"])] + [everyone, 0.0]
    across, up = Scale(0, 1, LEFT, RIGHT), Scale(min(values), max(values) * 1.05 or 1.0, BOTTOM, TOP)
    first = shown[0]
    band = [(across(i / 100), up(v)) for i, v in enumerate(first["high"])]
    band += [(across(i / 100), up(first["low"][i])) for i in range(100, -1, -1)]
    parts = [*_axes(across, up), path(band, "band"), path([(across(0), up(0)), (across(1), up(everyone))], "chance")]
    for number, one in enumerate(shown):
        parts.append(path([(across(i / 100), up(v)) for i, v in enumerate(one["curve"])], f"curve curve-{number}"))
        parts.append(key(number, TITLES[one["name"]]))
    parts.append(key(len(shown), TITLES["everyone"], "chance"))
    learned, risk = (f"{one['at']['10%']['value']:.4f}" for one in shown[:2])
    words = f"At 10 % treated: {learned} by what it changes, {risk} by risk."
    return drawing("Qini curves", words, *parts, height=BOTTOM + 46 + 15 * (len(shown) + 1))


def _truth(curves: Mapping[str, Sequence[float]]) -> Markup:
    values = [value for curve in curves.values() for value in curve]
    across, up = Scale(0, 1, LEFT, RIGHT), Scale(min(values), max(values) * 1.05, BOTTOM, TOP)
    parts = _axes(across, up)
    for number, (name, curve) in enumerate(curves.items()):
        parts.append(path([(across(i / 100), up(v)) for i, v in enumerate(curve)], f"curve curve-{number}"))
        parts.append(key(number, TITLES[name]))
    words = "; ".join(f"{TITLES[name]}: {curve[10]:.4f}" for name, curve in curves.items())
    return drawing("In truth", f"At 10 % treated: {words}.", *parts, height=BOTTOM + 46 + 15 * len(curves))


def _axes(across: Scale, up: Scale) -> list[Markup]:
    return [
        left_axis(up, LEFT, RIGHT, "gained a head", lambda value: f"{value:g}"),
        bottom_axis(across, BOTTOM, "share treated, the best ranked first", lambda value: f"{value:.0%}"),
    ]


def _standings(report: Mapping[str, Any]) -> Markup:
    budgets = list(report["standings"][0]["at"])
    rows = [
        [TITLES[one["name"]], points(one["qini"]), *(points(one["at"][budget]) for budget in budgets)]
        for one in report["standings"]
    ]
    rows.append(["learned less risk", points(report["uplift"]["gap"]), *("" for _ in budgets)])
    return table(["Ranked", "Qini", *(f"{budget} treated" for budget in budgets)], rows)


def _arms(arms: Mapping[str, Any]) -> Markup:
    def shares(one: Mapping[str, float]) -> str:
        return f"{share(one['value'])} [{share(one['low'])}, {share(one['high'])}]"

    rows = [
        [arm, count(e["rows"]), count(e["outcomes"]), points(e["gain"]), shares(e["share"])] for arm, e in arms.items()
    ]
    return table(["Arm", "Rows", "Outcomes", "Gain", "Share of the outcomes it spares"], rows)


def _spreads(spread: Mapping[str, Sequence[float]]) -> list[Markup]:
    """Each arm's predicted gains from the least to the largest: above the line it helps, below it harms."""
    drawn = []
    for arm, gains in spread.items():
        low, high = min(0.0, *gains), max(0.0, *gains)
        across, up = Scale(0, len(gains), LEFT, RIGHT), Scale(low, high or 1.0, 120.0, TOP)
        bars = [
            rectangle(
                across(i) + 1,
                min(up(g), up(0)),
                across(1) - across(0) - 2,
                abs(up(g) - up(0)),
                "up" if g < 0 else "down",
            )
            for i, g in enumerate(gains)
        ]
        harmed = sum(g < 0 for g in gains) / len(gains)
        words = f"{arm}: predicted to harm about {harmed:.0%}, and to help the others."
        axis = left_axis(up, LEFT, RIGHT, arm, lambda value: f"{value:g}")
        drawn.append(drawing(arm, words, axis, *bars, line((LEFT, up(0)), (RIGHT, up(0)), "axis"), height=132))
        drawn.append(tag("p", words))
    return drawn


def _reliability(arms: Mapping[str, Any]) -> Markup:
    rows = [
        [f"{arm}, predicted {100 * one['predicted']:.2f} pp", count(one["rows"]), points(one["measured"])]
        for arm, effect in arms.items()
        for one in effect["reliability"]
    ]
    return table(["Predicted", "Rows", "Measured"], rows)
