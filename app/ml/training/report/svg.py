"""The little SVG that the charts need. Every text is escaped; colours come from the page's style sheet, by class."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from app.ml.training.report.numbers import Form, plain

WIDTH = 320  # the width of every chart in its own units: small, so that its 10-unit letters stay readable on a phone
LETTER = 5.6  # about the width of a letter of a label, in the same units
ELLIPSIS = "…"

Child = Markup | str


def tag(name: str, *children: Child, **attributes: str | float) -> Markup:
    """An element; `class_` and `stroke_width` stand for the names that Python cannot write."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_written(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{written}>{''.join(map(escape, children))}</{name}>")  # noqa: S704  # each part is escaped


def drawing(
    title: str, description: str, *parts: Child, height: float, class_: str = "chart", **attributes: float
) -> Markup:
    """A whole chart, as wide as its place unless `width` is given; its title and description are what is read out."""
    head = (tag("title", title), tag("desc", description))
    box = f"0 0 {coordinate(attributes.get('width', WIDTH))} {coordinate(height)}"
    return tag("svg", *head, *parts, class_=class_, role="img", viewBox=box, **attributes)


def text(content: str, x: float, y: float, class_: str = "tick", **attributes: str | float) -> Markup:
    return tag("text", content, x=x, y=y, class_=class_, **attributes)


def line(start: tuple[float, float], end: tuple[float, float], class_: str) -> Markup:
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def rectangle(x: float, y: float, width: float, height: float, class_: str) -> Markup:
    return tag("rect", x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    drawn = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in points)
    return tag("path", d=f"M{drawn}" if drawn else "", class_=class_)


def coordinate(value: float) -> str:
    """One decimal is finer than a screen shows, and keeps the page small."""
    return f"{value:.1f}".removesuffix(".0")


def shortened(label: str, letters: int) -> str:
    return label if len(label) <= letters else label[: letters - 1] + ELLIPSIS


def label(content: str, x: float, y: float, letters: int, class_: str = "name", **attributes: str | float) -> Markup:
    """A text of at most so many letters; where it had to be cut, pointing at it tells the whole."""
    short = shortened(content, letters)
    whole = () if short == content else (tag("title", content),)
    return tag("text", short, *whole, x=x, y=y, class_=class_, **attributes)


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the values `low`..`high` stand between the positions `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values within the scale: multiples of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / about
        if not 0 < rough < math.inf:
            return [self.low]
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(multiple * power for multiple in (1, 2, 5, 10) if multiple * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def spaced(positions: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The ticks, centred at their positions in ascending order, that do not run into the one before."""
    kept: list[tuple[float, str]] = []
    for position, words in positions:
        reach = (len(words) + 2) * LETTER / 2
        if not kept or position - reach >= kept[-1][0] + len(kept[-1][1]) * LETTER / 2:
            kept.append((position, words))
    return kept


def bottom_axis(scale: Scale, y: float, words: str, form: Form = plain) -> Markup:
    """Ticks and their numbers below `y`, and what they count."""
    ticks = spaced([(scale(value), form(value)) for value in scale.ticks()])
    marks = [line((x, y), (x, y + 3), "axis") + text(number, x, y + 13, text_anchor="middle") for x, number in ticks]
    title = text(words, (scale.start + scale.end) / 2, y + 27, "words", text_anchor="middle")
    return tag("g", line((scale.start, y), (scale.end, y), "axis"), *marks, title)


def left_axis(scale: Scale, x: float, end: float, words: str, form: Form = plain) -> Markup:
    """Grid lines from `x` to `end` with their numbers on the left, and what they count above them."""
    marks = [
        line((x, scale(value)), (end, scale(value)), "grid")
        + text(form(value), x - 4, scale(value) + 3.5, text_anchor="end")
        for value in scale.ticks()
    ]
    return tag("g", *marks, text(words, 0, min(scale.start, scale.end) - 8, "words"))


def _written(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else coordinate(value)
