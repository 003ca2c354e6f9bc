"""Two serving processes on two cores against one, POST /v1/scores, in alternating pairs.

Nothing is pinned: the callers take their share of the same two cores, from the two processes more than from the one.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any, Final

from app.demo.home import Demo
from app.embedded.postgres import postgres
from bench.hammer import hammer
from bench.scoring import CONNECTIONS, DRIVERS, PAIRS, SECONDS, newest
from bench.service import PORT, Row, serving, set_up

PORTS: Final = {1: PORT, 2: PORT + 1}


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        key = set_up(demo)["api_keys"]["crm"]
        with serving(demo, 1, PORTS[1]), serving(demo, 2, PORTS[2]):
            asked = {"key": key, "path": "/v1/scores", "connections": CONNECTIONS, "seconds": SECONDS, "core": None}
            asked["bodies"] = [{"features": row, "drivers": DRIVERS} for row in newest(demo, key)]
            pairs = [(_rate(asked, 1), _rate(asked, 2)) for _ in range(PAIRS)]
    ratios = [two / one for one, two in pairs]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    rates = "; ".join(f"{statistics.median(side):,.0f}" for side in zip(*pairs, strict=True))
    return [
        ("two processes on two cores, of one", "≥ 1.7", f"{statistics.median(ratios):.2f} ({spread})"),
        ("… scores a second of one, of two", "-", rates),
    ]


def _rate(asked: dict[str, Any], workers: int) -> float:
    found = hammer(asked | {"port": PORTS[workers]})
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"not all were answered: {found['statuses']}")
    return float(found["answers"] / found["seconds"])
