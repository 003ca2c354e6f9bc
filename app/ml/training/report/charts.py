"""The charts of the whole model: curves, calibration, bars, intervals and associations."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.ml.training.report.numbers import Form, count, plain, share, signed
from app.ml.training.report.svg import (
    WIDTH,
    Scale,
    bottom_axis,
    drawing,
    label,
    left_axis,
    line,
    path,
    rectangle,
    tag,
    text,
)

LEFT, RIGHT, TOP, BOTTOM = 44.0, 308.0, 26.0, 220.0  # the plot within a curve's chart
NAMES = 112.0  # where the labels of a chart with one row a thing end
ROW = 19.0
SHADES = 5  # strengths of colour on either side of zero
MOST_SHADED = 16  # up to so many names, the cells of the matrix are large enough for their numbers
MOST_ROWS = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One thing with a figure and, where it was measured, its interval."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


Curves = Mapping[str, Sequence[Sequence[float]]]


def roc(curves: Curves, titles: Mapping[str, str]) -> Markup:
    description = "The further a curve bends to the upper left, the better; the diagonal is chance."
    words = ("stayers wrongly flagged", "leavers found")
    return _curves("ROC curve", description, curves, titles, words, by_chance=((0, 0), (1, 1)), top=1.0)


def gain(curves: Curves, titles: Mapping[str, str]) -> Markup:
    description = "The share of all leavers found when the subscribers most at risk are contacted first."
    words = ("subscribers contacted, most at risk first", "leavers reached")
    return _curves("Gain curve", description, curves, titles, words, by_chance=((0, 0), (1, 1)), top=1.0)


def lift(curves: Curves, titles: Mapping[str, str]) -> Markup:
    top = max((point[1] for points in curves.values() for point in points), default=1.0)
    description = f"How many times the average share of leavers is found among those contacted; at best {plain(top)}."
    words = ("subscribers contacted, most at risk first", "times the average")
    chance = ((0.0, 1.0), (1.0, 1.0))
    return _curves("Lift curve", description, curves, titles, words, by_chance=chance, top=top * 1.05, form=plain)


def _curves(
    title: str,
    description: str,
    curves: Curves,
    titles: Mapping[str, str],
    words: tuple[str, str],
    *,
    by_chance: Sequence[tuple[float, float]],
    top: float,
    form: Form = share,
) -> Markup:
    across, up = Scale(0, 1, LEFT, RIGHT), Scale(0, top, BOTTOM, TOP)
    parts = [left_axis(up, LEFT, RIGHT, words[1], _whole(form)), bottom_axis(across, BOTTOM, words[0], _whole(share))]
    parts.append(path([(across(x), up(y)) for x, y in by_chance], "chance"))
    # The served model is drawn last, on top.
    for number, (name, points) in reversed(list(enumerate(curves.items()))):
        parts.append(path([(across(x), up(y)) for x, y in points], f"curve curve-{number}"))
        parts.append(key(number, titles.get(name, name)))
    parts.append(key(len(curves), "chance", "chance"))
    height = BOTTOM + 44 + 15 * (len(curves) + 1)
    return drawing(title, description, *parts, height=height)


def key(place: int, title: str, class_: str = "") -> Markup:
    """Say below a plot how the curve of this place is drawn, and what it is."""
    y = BOTTOM + 46 + 15 * place
    return line((LEFT, y - 3.5), (LEFT + 30, y - 3.5), class_ or f"curve curve-{place}") + label(
        title, LEFT + 38, y, 38
    )


def _whole(form: Form) -> Form:
    # 20.0 % on an axis is noise.
    return lambda value: form(value).replace(".0", "")


def reliability(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Predicted against observed shares with their intervals, and below them how many rows each stands for."""
    top = min(1.0, 1.05 * max([0.05, *(max(each["predicted"], each["high"]) for each in bins)]))
    across, up = Scale(0, top, LEFT, RIGHT), Scale(0, top, BOTTOM, TOP)
    most = max([1, *(each["rows"] for each in bins)])
    parts = [
        left_axis(up, LEFT, RIGHT, "share that left", _whole(share)),
        path([(LEFT, BOTTOM), (RIGHT, TOP)], "chance"),
    ]
    for each in bins:
        x = across(each["predicted"])
        parts.append(line((x, up(each["low"])), (x, up(each["high"])), "interval"))
        parts.append(tag("circle", cx=x, cy=up(each["observed"]), r=3.5, class_="dot"))
        height = 30 * each["rows"] / most
        parts.append(rectangle(x - 4, BOTTOM + 70 - height, 8, height, "rows"))
    parts.append(bottom_axis(across, BOTTOM, "predicted probability", _whole(share)))
    parts.append(text(f"rows (at most {count(most)})", LEFT, BOTTOM + 84, "words"))
    description = (
        f"{len(bins)} groups of rows: a dot on the diagonal means that as many left as predicted. "
        "Lines are 95 % intervals, bars the number of rows."
    )
    return drawing("Predicted and observed shares", description, *parts, height=BOTTOM + 92)


def bars(title: str, figures: Mapping[str, float], form: Form = plain) -> Markup:
    """One bar a row below its name, for figures of 0 or more."""
    scale = Scale(0, max(figures.values(), default=1.0), 0, WIDTH)
    parts: list[Markup] = []
    for number, (name, value) in enumerate(figures.items()):
        y = 25.0 * number
        parts.append(label(name, 0, y + 10, 44))
        parts.append(text(form(value), WIDTH, y + 10, text_anchor="end"))
        parts.append(rectangle(0, y + 14, scale(value), 5, "bar"))
    description = "; ".join(f"{name} {form(value)}" for name, value in list(figures.items())[:5])
    return drawing(title, f"Largest first: {description}.", *parts, height=25.0 * len(figures))


def dots(
    title: str, rows: Sequence[Row], *, reference: float, words: str, ends: tuple[str, str] = ("", ""), form: Form
) -> Markup:
    """One dot and interval a row, beside a reference line; `ends` says what lies to its left and right."""
    seen = [part for row in rows for part in (row.value, row.low, row.high) if part is not None and math.isfinite(part)]
    low, high = min([reference, *seen]), max([reference, *seen])
    room = (high - low) * 0.06 or 0.01
    scale = Scale(low - room, high + room, NAMES, WIDTH - 14)
    top, bottom = 22.0, ROW * len(rows) + 26
    parts = [line((scale(reference), top - 4), (scale(reference), bottom), "reference")]
    parts.append(text(ends[0], NAMES, 11, "words"))
    parts.append(text(ends[1], WIDTH, 11, "words", text_anchor="end"))
    for number, row in enumerate(rows):
        y = top + ROW * number + ROW / 2
        parts.append(label(row.label, NAMES - 6, y + 3.5, 19, text_anchor="end"))
        if row.low is not None and row.high is not None:
            parts.append(line((scale(row.low), y), (scale(row.high), y), "interval"))
        if row.value is not None and math.isfinite(row.value):
            parts.append(tag("circle", cx=scale(row.value), cy=y, r=3.5, class_="dot"))
    parts.append(bottom_axis(scale, bottom, words, form))
    description = "; ".join(f"{row.label} {form(row.value)}" for row in rows[:MOST_ROWS])
    return drawing(title, f"{description}. The line stands at {form(reference)}.", *parts, height=bottom + 32)


def matrix(names: Sequence[str], values: Sequence[Sequence[float]]) -> Markup:
    """How strongly each two columns go together: the lower half of the table, the rest being its mirror image."""
    cell = 26.0 if len(names) <= MOST_SHADED else 15.0
    left, cells = 150.0, [(row, column) for row in range(len(names)) for column in range(row)]
    shades: dict[int, list[str]] = {}
    for row, column in cells:
        corner = f"M{left + column * cell:g} {row * cell:g}h{cell - 1:g}v{cell - 1:g}h{1 - cell:g}z"
        shades.setdefault(shade(values[row][column], 1.0), []).append(corner)
    parts = shaded(shades)
    if len(names) <= MOST_SHADED:
        parts += [_number(left + (c + 0.5) * cell, (r + 0.6) * cell, values[r][c]) for r, c in cells]
    for number, name in enumerate(names):
        middle = (number + 0.5) * cell
        parts.append(label(f"{name}  {number + 1}", left - 5, middle + 3.5, 25, text_anchor="end"))
        parts.append(text(str(number + 1), left + middle, len(names) * cell + 9, text_anchor="middle"))
    size = len(names) * cell
    description = "Each row and column is one input; a stronger shade is a stronger association, stripes mean negative."
    return drawing(
        "Associations of the inputs",
        description,
        *parts,
        width=left + size + 4,
        height=size + 14,
        class_="chart matrix",
    )


def strongest(names: Sequence[str], values: Sequence[Sequence[float]], most: int = 10) -> list[tuple[str, str, float]]:
    """The pairs that go together most, in words for those who cannot see the shades."""
    pairs = [(names[row], names[column], values[row][column]) for row in range(len(names)) for column in range(row)]
    return sorted(
        (pair for pair in pairs if math.isfinite(pair[2])), key=lambda pair: (-abs(pair[2]), pair[0], pair[1])
    )[:most]


def shade(value: float | None, largest: float) -> int:
    """Return the strength of colour −5..5 of a value within ±largest; only what is nearly nothing gets none."""
    if value is None or not math.isfinite(value) or not largest:
        return 0
    return int(math.copysign(min(SHADES, math.floor(abs(value) / largest * SHADES + 0.5)), value))


def shaded(shades: Mapping[int, Sequence[str]]) -> list[Markup]:
    """One path a shade; the negative ones are striped, not to tell by colour alone."""
    return [
        tag("path", d="".join(shades[level]), class_=f"shade-{abs(level)} {'striped' if level < 0 else 'up'}")
        for level in sorted(shades)
    ]


def _number(x: float, y: float, value: float) -> Markup:
    strong = abs(shade(value, 1.0)) >= SHADES - 1
    written = signed(float(f"{value:.2f}")).replace("+", "").replace("0.", ".")
    return text(written, x, y, "tick inside strong" if strong else "tick inside", text_anchor="middle")
