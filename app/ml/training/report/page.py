"""The report of one model: a page that needs nothing but itself, for analysts to defend and managers to read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from app.ml.training.report import charts, numbers, shapes, words
from app.ml.training.report.charts import MOST_ROWS, Row
from app.ml.training.report.glossary import MEASURES, TERMS

# The parts of the report; one that is None or not there is left out of the page.
PARTS = (
    "model",
    "origin",
    "schema",
    "cleaning",
    "selection",
    "capacity",
    "calibration",
    "comparison",
    "measures",
    "base_rate",
    "segments",
    "curves",
    "shapes",
    "causes",
    "parity",
    "challenger_parity",
)
SECTIONS = (
    ("verdict", "How good is it?", "measures"),
    ("families", "Against other kinds of model", "comparison"),
    ("curves", "Whom it finds, and how early", "curves"),
    ("drivers", "What drives a score", "shapes"),
    ("segments", "How good for whom", "segments"),
    ("calibration", "Can its probabilities be believed?", "calibration"),
    ("selection", "Which inputs, and why", "selection"),
    ("associations", "What goes together", "associations"),
    ("cleaning", "How the table was cleaned", "cleaning"),
    ("schema", "How the columns were read", "schema"),
    ("causes", "Why they left", "causes"),
    ("exactness", "Is it the same model?", "parity"),
    ("origin", "Where it comes from", "origin"),
    ("glossary", "Glossary", "glossary"),
)
# Control characters, bidirectional overrides and halves of characters: they could hide or turn the text beside them.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def render(report: Mapping[str, Any]) -> str:
    """Return report.json as one HTML page; the same report gives the same text.

    Whatever comes from the table (names, levels, units) is untrusted and escaped. Raises jinja2.UndefinedError or
    KeyError if a part that is there lacks one of its fields.
    """
    parts: dict[str, Any] = {part: report.get(part) for part in PARTS}
    parts["associations"] = (parts["selection"] or {}).get("associations")
    bins = (parts["curves"] or {}).get("calibration")
    present = parts | {"glossary": True, "calibration": parts["calibration"] or bins}
    sections = [(id, title) for id, title, needed in SECTIONS if present[needed]]
    page = _environment().get_template("page.html.j2").render(**parts, **_drawn(parts), sections=sections)
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", page)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.ml.training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    forms = (numbers.count, numbers.share, numbers.plain, numbers.precise, numbers.signed, numbers.significance)
    environment.filters |= {form.__name__: form for form in forms}
    environment.globals |= {"MEASURES": MEASURES, "TERMS": TERMS, "words": words, "interval": numbers.interval}
    return environment


def _drawn(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of the parts beyond themselves."""
    units = {row["feature"]: row["unit"] for row in parts["schema"] or ()}
    curves = parts["curves"] or {}
    families = (parts["comparison"] or {}).get("families", ())
    titles = {family["name"]: family["title"] for family in families}
    associations = parts["associations"]
    return {
        "verdict": list(words.verdict(parts)) if parts["measures"] else [],
        "gaps": list(_gaps(families)),
        "lines": [
            (title, draw(curves[name], titles))
            for name, title, draw in (
                ("roc", "ROC", charts.roc),
                ("gain", "Gain", charts.gain),
                ("lift", "Lift", charts.lift),
            )
            if curves.get(name)
        ],
        "reliability": charts.reliability(curves["calibration"]) if curves.get("calibration") else None,
        "terms": list(_terms(parts["shapes"] or (), units)),
        "importances": _importances(parts["shapes"] or ()),
        "parts_of_segments": list(_segments(parts["segments"] or (), parts["measures"] or {})),
        "matrix": charts.matrix(associations["names"], associations["values"]) if associations else None,
        "strongest": charts.strongest(associations["names"], associations["values"]) if associations else (),
    }


def _gaps(families: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Markup, list[str]]]:
    """Yield, for each measure, the gaps of the other families drawn and in words."""
    others = [family for family in families if family["gap"]]
    for name, measure in MEASURES.items():
        rows = [(family["title"], family["gap"][name]) for family in others if name in family["gap"]]
        if rows:
            ends = ("EBM better", "other better") if measure.higher_is_better else ("other better", "EBM better")
            drawn = charts.dots(
                f"{measure.title}: other models minus the EBM",
                [Row(title, **gap) for title, gap in rows],
                reference=0,
                words=f"difference in {measure.title}",
                ends=(f"← {ends[0]}", f"{ends[1]} →"),
                form=numbers.signed,
            )
            yield drawn, [words.against(name, title, gap) for title, gap in rows]


def _by_importance(drawn: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(drawn, key=lambda shape: -shape["importance"])


def _importances(drawn: Sequence[Mapping[str, Any]]) -> Markup:
    figures = {" × ".join(shape["features"]): shape["importance"] for shape in _by_importance(drawn)}
    return charts.bars("Importance of each term (mean change of the log-odds)", figures, numbers.precise)


def _terms(drawn: Sequence[Mapping[str, Any]], units: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    for shape in _by_importance(drawn):
        chart, said = shapes.draw(shape, units.get(shape["features"][0]))
        yield {"features": shape["features"], "importance": shape["importance"], "drawing": chart, "said": said}


def _segments(
    rows: Sequence[Mapping[str, Any]], overall: Mapping[str, Any]
) -> Iterator[tuple[str, Markup | None, Any]]:
    """Yield each segmentation with its chart of the AUROC, if enough of its groups have one, and its rows."""
    for name in dict.fromkeys(row["segment"] for row in rows):
        groups = [row for row in rows if row["segment"] == name]
        measured = [row for row in groups if row["measures"] and "auroc" in row["measures"]]
        largest = sorted(measured, key=lambda row: -row["rows"])[:MOST_ROWS]
        drawn = (
            charts.dots(
                f"AUROC by {name}",
                [Row(str(row["value"]), **row["measures"]["auroc"]) for row in largest],
                reference=overall["auroc"]["value"],
                words="AUROC (the line: all held-out rows)",
                form=numbers.plain,
            )
            if largest and "auroc" in overall
            else None
        )
        yield name, drawn, groups
