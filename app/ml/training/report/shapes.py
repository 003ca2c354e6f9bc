"""The terms of the model, drawn: what each value of an input adds to the log-odds of leaving.

Zero is in the middle of every chart and what raises the risk is above it or to its right, so that all are read alike.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from app.ml.training.report.charts import SHADES, shade, shaded
from app.ml.training.report.numbers import SPACE, count, factor, plain, signed
from app.ml.training.report.svg import (
    LETTER,
    WIDTH,
    Scale,
    coordinate,
    drawing,
    label,
    line,
    path,
    rectangle,
    spaced,
    tag,
    text,
)

Shape = Mapping[str, Any]

LEFT, RIGHT, TOP, BOTTOM = 36.0, 256.0, 22.0, 178.0  # the plot of a curve; the missing value has a lane to its right
LANE = 270.0
MIDDLE = (TOP + BOTTOM) / 2  # the page's gradient changes its colour at this height
RUG = 14.0
LEAST_REACH = 0.2  # a term that moves the odds by less than a fifth is drawn as the small thing it is
CROWDED = 0.3  # if nine of ten rows stand within this share of the range, the axis is stretched to their ranks
MOST_LEVELS = 30
MOST_CELLS = 64  # a side
UPWARDS, ACROSS = 8, 6  # the names beside a map
CUT = 15  # letters of such a name


def draw(shape: Shape, unit: str | None) -> tuple[Markup, str]:
    """The chart of one term, and what it shows in words."""
    said = " ".join(_sentences(shape, unit))
    match shape["kind"]:
        case "number":
            return _number(shape, unit, said), said
        case "category":
            return _category(shape, said), said
        case _:
            return _pair(shape, said), said


def _sentences(shape: Shape, unit: str | None) -> Iterator[str]:
    scores = np.array(shape["scores"], np.float64)
    if shape["kind"] != "pair" and shape["rows"]:
        scores[np.array(shape["rows"]) == 0] = np.nan  # a bin without rows was learned from nobody: it is no example
    if np.isfinite(scores).any():
        for word, extreme in (("Highest", np.nanargmax(scores)), ("Lowest", np.nanargmin(scores))):
            at = np.unravel_index(extreme, scores.shape)
            yield f"{word} at {_place(shape, unit, *map(int, at))}: odds {factor(float(scores[at]))}."
    if shape["missing"]:
        yield f"Where the value is missing: odds {factor(shape['missing'])}."
    if shape["kind"] == "number" and _is_crowded(shape["edges"], shape["rows"]):
        yield "The axis is stretched where most subscribers are."
    if shape["kind"] == "category" and len(shape["levels"]) > MOST_LEVELS:
        yield f"Drawn are the {MOST_LEVELS} most frequent of {len(shape['levels'])} levels."


def _place(shape: Shape, unit: str | None, place: int, other: int = 0) -> str:
    match shape["kind"]:
        case "number":
            low, high = shape["edges"][place : place + 2]
            return f"{plain(low)} to {plain(high)}{SPACE + unit if unit else ''}"
        case "category":
            return str(shape["levels"][place])
        case _:
            first, second = shape["features"]
            return f"{first} {shape['grid']['x'][place]} with {second} {shape['grid']['y'][other]}"


def _reach(scores: Sequence[float], missing: float | None) -> float:
    return max([LEAST_REACH, *(abs(score) for score in [*scores, missing or 0.0] if math.isfinite(score))]) * 1.05


def _number(shape: Shape, unit: str | None, said: str) -> Markup:
    edges, scores, rows, missing = shape["edges"], shape["scores"], shape["rows"], shape["missing"]
    reach = _reach(scores, missing)
    up = Scale(-reach, reach, BOTTOM, TOP)
    stops = _stops(edges, rows)
    parts = [_sides(up), _steps(stops, scores, up), _rug(stops, rows), _value_axis(stops, edges, unit)]
    if missing is not None:
        parts.append(_missing(up(missing)))
    return drawing(_title(shape), said, *parts, height=BOTTOM + RUG + 34, class_="chart shape")


def _sides(up: Scale) -> Markup:
    """Log-odds on the left, the factor they mean on the right, and a line at no effect."""
    parts = [text("log-odds", 0, 10, "words"), text("odds", WIDTH, 10, "words", text_anchor="end")]
    parts.append(text("↑ raises the risk", (LEFT + RIGHT) / 2, 10, "words", text_anchor="middle"))
    for tick in up.ticks(4):
        y = up(tick)
        parts.append(line((LEFT, y), (RIGHT, y), "zero" if not tick else "grid"))
        parts.append(text(signed(tick), LEFT - 4, y + 3.5, text_anchor="end"))
        parts.append(text(factor(tick), WIDTH, y + 3.5, text_anchor="end"))
    return tag("g", *parts)


def _steps(stops: Sequence[float], scores: Sequence[float], up: Scale) -> Markup:
    # Relative, merged steps: a curve of 256 bins takes two kilobytes.
    corners = [(stops[0], MIDDLE)]
    for (start, end), score in zip(pairwise(stops), scores, strict=True):
        if end - start >= 0.05 and math.isfinite(score):  # noqa: PLR2004  # narrower than a coordinate can say
            corners += [(start, up(score)), (end, up(score))]
    return path([*corners, (corners[-1][0], MIDDLE)], "steps")


def _rug(stops: Sequence[float], rows: Sequence[int]) -> Markup:
    """How many rows each bin holds, as the height of the average density of rows within it."""
    dense = [
        (start, end, number / (end - start))
        for (start, end), number in zip(pairwise(stops), rows, strict=True)
        if end - start >= 0.05  # noqa: PLR2004  # as above
    ]
    most = max([each[2] for each in dense], default=0.0) or 1.0
    base = BOTTOM + RUG
    corners = [(x, base - RUG * (density / most) ** 0.5) for start, end, density in dense for x in (start, end)]
    return path([(LEFT, base), *corners, (RIGHT, base)], "rows")


def _is_crowded(edges: Sequence[float], rows: Sequence[int]) -> bool:
    total, spread = sum(rows), edges[-1] - edges[0]
    if not total or not spread:
        return False
    reached = list(accumulate(rows))
    inner = [at for at, number in enumerate(reached) if 0.05 * total < number and number - rows[at] < 0.95 * total]
    return bool((edges[inner[-1] + 1] - edges[inner[0]]) / spread < CROWDED)


def _stops(edges: Sequence[float], rows: Sequence[int]) -> list[float]:
    """Where the edges stand: by their value, or by the rows below them where a few extremes would squash the rest."""
    if not _is_crowded(edges, rows):
        across = Scale(edges[0], edges[-1], LEFT, RIGHT)
        return [across(edge) for edge in edges]
    across = Scale(0, sum(rows), LEFT, RIGHT)
    return [across(number) for number in accumulate(rows, initial=0)]


def _value_axis(stops: Sequence[float], edges: Sequence[float], unit: str | None) -> Markup:
    y = BOTTOM + RUG
    linear = Scale(edges[0], edges[-1], LEFT, RIGHT)
    if all(abs(stop - linear(edge)) < 0.05 for stop, edge in zip(stops, edges, strict=True)):  # noqa: PLR2004
        ticks = [(linear(value), plain(value)) for value in linear.ticks()]
    else:
        nearest = np.abs(np.subtract.outer(np.linspace(LEFT, RIGHT, 5), stops)).argmin(axis=1)
        ticks = [(stops[edge], plain(edges[edge])) for edge in dict.fromkeys(nearest.tolist())]
    marks = [
        line((x, y), (x, y + 3), "axis") + text(said, x, y + 13, text_anchor="middle") for x, said in spaced(ticks)
    ]
    words = text(unit or "", (LEFT + RIGHT) / 2, y + 27, "words", text_anchor="middle")
    return tag("g", line((LEFT, y), (RIGHT, y), "axis"), *marks, words)


def _missing(y: float) -> Markup:
    x = LANE - 7
    diamond = tag("path", d=f"M{x - 4:g} {y:.1f}l4-4 4 4-4 4z", class_="missing")
    return tag("g", diamond, text("missing", x, BOTTOM + RUG + 27, "tick", text_anchor="middle"))


def _category(shape: Shape, said: str) -> Markup:
    """One bar a level, the highest first, with its factor and its rows."""
    counted = shape["rows"] or [0] * len(shape["levels"])
    levels = sorted(zip(shape["levels"], shape["scores"], counted, strict=True), key=lambda row: -row[2])[:MOST_LEVELS]
    levels.sort(key=lambda row: -row[1])
    rows = [(str(name), score, count(number)) for name, score, number in levels]
    if shape["missing"] is not None:
        rows.append(("missing", shape["missing"], ""))
    reach = _reach([row[1] for row in rows], None)
    across = Scale(-reach, reach, 122.0, 222.0)
    end = 20 + 19.0 * len(rows)
    parts = [text("lowers", 167, 11, "words", text_anchor="end"), text("raises", 177, 11, "words")]
    parts += [text("odds", 272, 11, "words", text_anchor="end"), text("rows", WIDTH, 11, "words", text_anchor="end")]
    parts.append(line((across(0), 15), (across(0), end), "zero"))
    for place, (name, score, number) in enumerate(rows):
        y = 19 + 19.0 * place
        start, stop = sorted((across(0), across(score)))
        parts.append(label(name, 116, y + 10, 19, "name absent" if name == "missing" else "name", text_anchor="end"))
        parts.append(rectangle(start, y, stop - start, 13, "up" if score > 0 else "down"))
        parts.append(text(factor(score), 272, y + 10, text_anchor="end"))
        parts.append(text(number, WIDTH, y + 10, text_anchor="end"))
    return drawing(_title(shape), said, *parts, height=end + 4, class_="chart shape")


def _pair(shape: Shape, said: str) -> Markup:
    """A heat map: the first feature from left to right, the second upwards."""
    scores, across, up = _pooled(np.nan_to_num(np.array(shape["scores"], np.float64)), shape["grid"])
    largest = float(np.abs(scores).max())
    left, right, top, bottom = 92.0, WIDTH - 6, 24.0, 194.0
    wide, high = (right - left) / len(across), (bottom - top) / len(up)
    shades: dict[int, list[str]] = {}
    for place, row in enumerate(scores.T.tolist()):
        y, start = f"{bottom - (place + 1) * high:.1f}", left
        for level, cells in groupby(shade(score, largest) for score in row):
            width = wide * len(list(cells))
            # A hair wider and higher than it is, so that no seam shows.
            cell = f"M{coordinate(start)} {y}h{coordinate(width + 0.2)}v{high + 0.2:.1f}h{coordinate(-width - 0.2)}z"
            shades.setdefault(level, []).append(cell)
            start += width
    parts = [*shaded(shades), tag("rect", x=left, y=top, width=right - left, height=bottom - top, class_="border")]
    parts += [
        label(up[place], left - 5, bottom - (place + 0.5) * high + 3.5, CUT, "tick", text_anchor="end")
        for place in _some(len(up), UPWARDS)
    ]
    named, depth = _across(across, left, wide, bottom)
    first, second = shape["features"]
    parts += [named, label(f"↑ {second}", 0, 11, 40, "words")]
    parts.append(label(f"→ {first}", right, bottom + depth, 40, "words", text_anchor="end"))
    parts.append(_legend(largest, left, bottom + depth + 10))
    return drawing(_title(shape), said, *parts, height=bottom + depth + 40, class_="chart shape")


def _across(names: Sequence[str], left: float, wide: float, bottom: float) -> tuple[Markup, float]:
    """The names of some columns, turned where they would not fit side by side, and how far down they reach."""
    places = _some(len(names), ACROSS)
    longest = min(max(len(names[place]) for place in places), CUT)
    is_turned = longest * LETTER > wide * len(names) / len(places)
    labels = []
    for place in places:
        x, y = left + (place + 0.5) * wide, bottom + 12
        turn = {"transform": f"rotate(-35 {x:.1f} {y:g})", "text_anchor": "end"} if is_turned else {}
        labels.append(label(names[place], x, y, CUT, "tick", **({"text_anchor": "middle"} | turn)))
    return tag("g", *labels), 28 + (longest * LETTER * 0.57 if is_turned else 0)


def _legend(largest: float, left: float, y: float) -> Markup:
    side = 12.0
    middle = (left + WIDTH - 6) / 2
    start = middle - side * (SHADES + 0.5)
    levels = range(-SHADES, SHADES + 1)
    swatches = {level: [f"M{start + side * (level + SHADES):g} {y:g}h{side:g}v9h{-side:g}z"] for level in levels}
    ends = [
        text(f"odds {factor(-largest)}", start - 5, y + 8, text_anchor="end"),
        text(factor(0), middle, y + 21, text_anchor="middle"),
        text(factor(largest), start + side * len(levels) + 5, y + 8),
    ]
    return tag("g", *shaded(swatches), *ends)


def _pooled(
    scores: NDArray[np.float64], grid: Mapping[str, Sequence[object]]
) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Average neighbouring cells, so that no map has more of them than can be seen."""
    across, up = (np.arange(0, length, -(-length // MOST_CELLS)) for length in scores.shape)
    sums = np.add.reduceat(np.add.reduceat(scores, across, axis=0), up, axis=1)
    sizes = np.outer(*(np.diff(starts, append=end) for starts, end in zip((across, up), scores.shape, strict=True)))
    return sums / sizes, [str(grid["x"][at]) for at in across], [str(grid["y"][at]) for at in up]


def _some(length: int, most: int) -> list[int]:
    """About `most` places, evenly apart, among so many."""
    step = -(-length // most) or 1
    return list(range(0, length, step))


def _title(shape: Shape) -> str:
    return " × ".join(shape["features"])
