"""POST /v1/scores against what the server can do at most, in alternating pairs, all features of the product on."""

import statistics
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import psycopg

from app.demo.home import Demo
from app.embedded.postgres import postgres
from bench.cores import cpu_seconds, pin
from bench.hammer import hammer
from bench.service import PORT, Row, bare_application, serving, set_up

LIMIT_PORT: Final = PORT + 1
PAIRS: Final = 5
SECONDS: Final = 4.0
CONNECTIONS: Final = 32
ROWS: Final = 512
DRIVERS: Final = 5
NEWEST: Final = """
    SELECT DISTINCT ON (subscriber_id) features FROM feature_snapshots ORDER BY subscriber_id, as_of DESC LIMIT %s
"""


class Rate(NamedTuple):
    """Answers a second, and microseconds of the server's processor for each."""

    answers: float
    micros: float


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        told = set_up(demo)
        key = told["api_keys"]["crm"]
        with serving(demo, workers=1) as service:
            bodies = [{"features": row, "drivers": DRIVERS} for row in newest(demo, key)]
            bare = [body | {"drivers": 0} for body in bodies]
            size = len(httpx.post(f"http://127.0.0.1:{PORT}/v1/scores", json=bodies[0], headers=as_caller(key)).content)
            with bare_application("bench.limit:app", LIMIT_PORT, BENCH_ANSWER_BYTES=str(size)) as limit:
                pin(0, service.pid)
                pin(0, limit.pid)
                pairs = [
                    (
                        _rate(limit.pid, LIMIT_PORT, key, bodies),
                        _rate(service.pid, PORT, key, bodies),
                        _rate(service.pid, PORT, key, bare),
                    )
                    for _ in range(PAIRS)
                ]
    most, ours, without = ([pair[index] for pair in pairs] for index in range(3))
    return [
        ("POST /v1/scores, of what the server can do at most", "≥ .50", ratio(ours, most)),
        ("… answers a second, the limit's", "-", f"{median(ours):,.0f}, {median(most):,.0f}"),
        ("… CPU a request, the limit's", "-", f"{micros(ours):.0f} µs, {micros(most):.0f} µs"),
        ("… with drivers, of that without", "≥ .95", ratio(ours, without)),
    ]


def newest(demo: Demo, key: str, count: int = ROWS) -> list[dict[str, Any]]:
    """The newest features of many subscribers, as the store has them."""
    with psycopg.connect(demo.database_url) as connection:
        found = [features for (features,) in connection.execute(NEWEST, [count])]
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers=as_caller(key)) as api:
        schema = api.get("/v1/feature-schema").json()
        known = {feature["name"] for feature in (*schema["features"], *schema["accepted"]) if not feature["formula"]}
        rows = [{name: value for name, value in row.items() if name in known} for row in found]
        return [row for row in rows if api.post("/v1/scores", json={"features": row}).is_success]


def as_caller(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _rate(pid: int, port: int, key: str, bodies: list[dict[str, Any]]) -> Rate:
    return rate_of(pid, {"port": port, "key": key, "path": "/v1/scores", "bodies": bodies})


def rate_of(pid: int, asked: dict[str, Any]) -> Rate:
    """Have a server hammered with what is asked, as many callers at once."""
    before = cpu_seconds(pid)
    found = hammer(asked | {"connections": CONNECTIONS, "seconds": SECONDS})
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"not all were answered: {found['statuses']}")
    return Rate(found["answers"] / found["seconds"], (cpu_seconds(pid) - before) / found["answers"] * 1e6)


def ratio(ours: list[Rate], others: list[Rate]) -> str:
    ratios = [one.answers / other.answers for one, other in zip(ours, others, strict=True)]
    micros = [other.micros / one.micros for one, other in zip(ours, others, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return f"{statistics.median(ratios):.2f} ({spread}); by CPU {statistics.median(micros):.2f}"


def median(rates: list[Rate]) -> float:
    return statistics.median(rate.answers for rate in rates)


def micros(rates: list[Rate]) -> float:
    return statistics.median(rate.micros for rate in rates)
