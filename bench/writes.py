"""POST /v1/interactions, each durable before it is answered, against pgbench's insertion of one row, in turns.

Both with as many callers, to the same PostgreSQL, fsync on. pgbench's row has no index but its key, no foreign key, no
kept answer and no entry in a log.
"""

import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from app.demo.home import Demo
from app.embedded.postgres import postgres, program
from bench.contacts import TEXTS
from bench.hammer import hammer
from bench.service import PORT, Row, serving, set_up

CALLERS: Final = 32
PAIRS: Final = 5
SECONDS: Final = 4
BODIES: Final = 512
_TABLE: Final = "CREATE TABLE bare (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), at timestamptz, words text)"
_INSERT: Final = "INSERT INTO bare (at, words) VALUES (now(), 'The bill is higher than last month');"


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        told = set_up(demo)
        with psycopg.connect(demo.database_url) as connection:
            connection.execute(_TABLE)
        script = Path(folder) / "insert.sql"
        script.write_text(_INSERT)
        ours: dict[int, list[float]] = {}
        bare: dict[int, list[float]] = {}
        with serving(demo, 1):
            for callers in (CALLERS, 1):
                pairs = [(_ours(told, callers), _bare(demo, script, callers)) for _ in range(PAIRS)]
                ours[callers], bare[callers] = ([pair[side] for pair in pairs] for side in (0, 1))
    for callers in (CALLERS, 1):
        ratios = [one / other for one, other in zip(ours[callers], bare[callers], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        bar = "≥ .50" if callers == CALLERS else "-"
        what = f"POST /v1/interactions, one process, {callers} callers, of pgbench's one-row insertions"
        yield what, bar, f"{statistics.median(ratios):.2f} ({spread})"
        rates = (statistics.median(rates[callers]) for rates in (ours, bare))
        yield "… contacts a second; pgbench's rows", "-", "; ".join(f"{rate:,.0f}" for rate in rates)


def _ours(told: dict[str, Any], callers: int) -> float:
    asked = {"port": PORT, "key": told["api_keys"]["crm"], "path": "/v1/interactions", "bodies": _bodies(told)}
    found = hammer(asked | {"connections": callers, "seconds": SECONDS})
    if set(found["statuses"]) != {"201"}:
        raise RuntimeError(f"not all were recorded: {found['statuses']}")
    return float(found["answers"] / found["seconds"])


def _bodies(told: dict[str, Any]) -> list[dict[str, Any]]:
    began = datetime.now(UTC) - timedelta(days=20)
    ids = told["subscriber_ids"]
    return [
        {
            "subscriber_id": ids[number % len(ids)],
            "touchpoint": "hotline",
            "channel": "call",
            "direction": "inbound",
            "occurred_at": (began + timedelta(minutes=number)).isoformat(),
            "reason": TEXTS[number % len(TEXTS)][0],
            "request": TEXTS[number % len(TEXTS)][1],
            "agent_id": f"agent-{number % 40}",
        }
        for number in range(BODIES)
    ]


def _bare(demo: Demo, script: Path, callers: int) -> float:
    command: list[str | Path] = [
        program("pgbench"),
        "-n",
        "-f",
        script,
        "-c",
        str(callers),
        "-j",
        "1",
        "-T",
        str(SECONDS),
    ]
    told = subprocess.run([*command, demo.database_url], capture_output=True, text=True, check=True, env=os.environ)
    [rate] = [line.split()[2] for line in told.stdout.splitlines() if line.startswith("tps")]
    return float(rate)
