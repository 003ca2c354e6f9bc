"""How cost grows with callers, rows, the catalogue, and a model's terms: a small plot of each, with its exponent.

The exponent is the slope of cost over size, both as logarithms, over the upper half: 1 is proportional, 0 is no matter.
Draws docs/growth.svg.
"""

import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from markupsafe import Markup

from app.demo.home import Demo
from app.domain.features import Feature, FeatureType
from app.embedded.postgres import postgres
from app.ml.session import INPUT, OUTPUTS, open_session
from app.ml.training.export import export
from app.ml.training.fit import Effort, fit
from app.ml.training.report.svg import drawing, line, path, tag, text
from bench import bulk
from bench.decisions import complete_catalogue
from bench.load import latencies
from bench.scoring import newest
from bench.service import PORT, Row, serving, set_up

DRAWN: Final = Path(__file__).parents[1] / "docs" / "growth.svg"
CALLERS: Final = (1, 4, 16, 64, 256, 512)
ROWS: Final = (10_000, 50_000, 200_000, 1_000_000, 2_000_000)
ACTIONS: Final = (50, 100, 300, 1_000)
TERMS: Final = (10, 30, 100, 200)
BATCH: Final = 4_096
_STYLE: Final = (
    "text{font:10px sans-serif;fill:#333}.title{font-weight:bold}.axis{stroke:#999}"
    ".cost{fill:none;stroke:#0b6e99;stroke-width:2}.dot{fill:#0b6e99}"
    "@media (prefers-color-scheme:dark){text{fill:#ddd}.cost{stroke:#6cc5e8}.dot{fill:#6cc5e8}}"
)
_WIDE, _HIGH, _LEFT, _TOP = 240, 130, 44, 30


class Curve(NamedTuple):
    """How one cost grows with one size."""

    what: str
    of: str
    unit: str
    points: Sequence[tuple[float, float]]

    @property
    def exponent(self) -> float:
        upper = self.points[len(self.points) // 2 - 1 :]
        return statistics.linear_regression(
            [math.log(size) for size, _ in upper], [math.log(cost) for _, cost in upper]
        ).slope


def measure() -> Iterator[Row]:
    curves = [*_of_requests(), _of_rows(), *_of_terms()]
    DRAWN.write_text(_drawn(curves) + "\n")
    for curve in curves:
        told = ", ".join(f"{size:,.0f}: {cost:.3g}" for size, cost in curve.points)
        yield f"{curve.what} by {curve.of}, {curve.unit} ({told}): exponent", "≤ 1", f"{curve.exponent:.2f}"


def _of_requests() -> Iterator[Curve]:
    os.environ["STAYLINE_MOST_AT_ONCE"] = str(2 * max(CALLERS))  # as many are to be let in as are to be measured
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        told = set_up(demo)
        with serving(demo, workers=1):
            key = told["api_keys"]["crm"]
            bodies = [{"features": row} for row in newest(demo, key)]
            yield from _of_callers(key, bodies)
            yield Curve(
                "a preview of the next best actions", "actions in the catalogue", "ms", list(_of_catalogue(told))
            )


def _of_callers(key: str, bodies: list[dict[str, Any]]) -> Iterator[Curve]:
    costs, slowest = [], []
    for callers in CALLERS:
        asked = [bodies[number % len(bodies)] for number in range(max(2_000, callers * 20))]
        began = time.perf_counter()
        taken = latencies(PORT, key, ["/v1/scores"] * len(asked), callers, asked)
        costs.append((float(callers), (time.perf_counter() - began) / len(asked) * 1e6))
        slowest.append((float(callers), statistics.quantiles(taken, n=100)[98] * 1e3))
    yield Curve("a score, all callers together", "callers", "µs each", costs)
    yield Curve("a score's p99", "callers", "ms", slowest)


def _of_catalogue(told: dict[str, Any]) -> Iterator[tuple[float, float]]:
    people = told["subscriber_ids"][:100]
    for actions in ACTIONS:
        complete_catalogue(told, actions)
        paths = [f"/v1/subscribers/{id}/next-best-actions?channel=call&trace=none" for id in people]
        yield float(actions), statistics.median(latencies(PORT, told["api_keys"]["agent"], paths, 1)) * 1e3


def _of_rows() -> Curve:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        bundle = bulk.trained(folder)
        points = []
        for rows in ROWS:
            bulk.write(folder / "rows.parquet", folder / "telco.csv", rows)
            points.append((float(rows), bulk.score(folder / "rows.parquet", bundle, folder).seconds))
    return Curve("stayline score", "rows", "s", points)


def _of_terms() -> Iterator[Curve]:
    alone: list[tuple[float, float]] = []
    together: list[tuple[float, float]] = []
    for terms in TERMS:
        chance = np.random.default_rng(7)
        matrix = chance.normal(size=(4_000, terms)).astype(np.float32)
        labels = matrix.sum(axis=1) + chance.normal(size=4_000) > 0
        features = [Feature(f"x{number}", FeatureType.NUMBER) for number in range(terms)]
        effort = Effort(interactions=0, outer_bags=2, max_rounds=200, processes=1)
        graph = export(fit(matrix, labels, features, seed=7, effort=effort), features)
        session = open_session(graph, features=terms, terms=terms)
        for rows, points in ((1, alone), (BATCH, together)):
            part = np.ascontiguousarray(np.resize(matrix, (rows, terms)))
            times = 2_000 if rows == 1 else 20
            began = time.perf_counter()
            for _ in range(times):
                session.run(OUTPUTS, {INPUT: part})
            points.append((float(terms), (time.perf_counter() - began) / times / rows * 1e6))
    yield Curve("the model, one row a run", "terms", "µs", alone)
    yield Curve("the model, 4,096 rows a run", "terms", "µs a row", together)


def _drawn(curves: Sequence[Curve]) -> str:
    plots = [
        tag("g", *_plot(curve), transform=f"translate({number % 2 * 320} {number // 2 * 200})")
        for number, curve in enumerate(curves)
    ]
    height = (len(curves) + 1) // 2 * 200
    what = "How cost grows: each plot has a size across and its cost upwards, both by logarithms"
    made = drawing("How cost grows", what, tag("style", _STYLE), *plots, height=height, width=640)
    return str(made).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def _plot(curve: Curve) -> Iterator[Markup]:
    sizes, costs = ([math.log10(point[side]) for point in curve.points] for side in (0, 1))
    low, high = math.floor(min(costs)), math.ceil(max(costs))
    low, high = (low, high) if high > low else (low, low + 1)
    across = [_LEFT + (size - sizes[0]) / (sizes[-1] - sizes[0]) * _WIDE for size in sizes]
    up = [_TOP + _HIGH - (cost - low) / (high - low) * _HIGH for cost in costs]
    yield text(f"{curve.what}, {curve.unit}: exponent {curve.exponent:.2f}", 8, 16, "title")
    yield line((_LEFT, _TOP + _HIGH), (_LEFT + _WIDE, _TOP + _HIGH), "axis")
    yield line((_LEFT, _TOP), (_LEFT, _TOP + _HIGH), "axis")
    for level in range(low, high + 1):
        yield text(
            f"{10.0**level:g}", _LEFT - 4, _TOP + _HIGH - (level - low) / (high - low) * _HIGH + 3, text_anchor="end"
        )
    for (size, _), x in zip(curve.points, across, strict=True):
        yield text(_short(size), x, _TOP + _HIGH + 13, text_anchor="middle")
    yield text(curve.of, _LEFT + _WIDE / 2, _TOP + _HIGH + 26, text_anchor="middle")
    yield path(zip(across, up, strict=True), "cost")
    for x, y in zip(across, up, strict=True):
        yield tag("circle", cx=x, cy=y, r=2.5, class_="dot")


def _short(size: float) -> str:
    unit, name = next(((u, n) for u, n in ((1e6, "M"), (1e3, "k")) if size >= u), (1, ""))
    return f"{size / unit:g}{name}"
