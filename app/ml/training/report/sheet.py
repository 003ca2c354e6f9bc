"""A plain page: sections under a title, with what the house draws and nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

from markupsafe import Markup, escape

from app.ml.training.report.svg import tag


def page(title: str, subtitle: str, sections: Sequence[Markup]) -> str:
    """A whole page with this title and these sections."""
    style = (files("app.ml.training.report") / "templates" / "style.css").read_text(encoding="utf-8")
    head = tag(
        "header", tag("p", "Stayline", class_="eyebrow"), tag("h1", title), tag("p", subtitle), class_="headline"
    )
    body = head + tag("main", *sections, class_="headline")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{escape(body)}</body></html>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table whose first column names its rows."""
    titles = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head)))
    body = (
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell, class_="number") for cell in row[1:]))
        for row in rows
    )
    return tag("div", tag("table", titles, tag("tbody", *body)), class_="scroll")


def points(measure: Mapping[str, float]) -> str:
    """A difference of probabilities with its interval, in percentage points."""
    return f"{100 * measure['value']:.2f} pp [{100 * measure['low']:.2f}, {100 * measure['high']:.2f}]"
