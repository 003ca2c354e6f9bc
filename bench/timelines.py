"""The twenty latest contacts of one in 100,000 subscribers, of 2,000,000 in all, against a bare application.

That one has the same server, driver and PostgreSQL, and hands on the JSON the latter makes, sealed texts and all: no
authentication, no texts opened, no entry of who read what. In alternating pairs, each process on core 0, PostgreSQL and
the callers on core 1.
"""

import random
from typing import Any, Final

from app.db import libpq_url
from bench.overviews import CONTACTS_EACH, OTHERS_CORE, SUBSCRIBERS, all_but_the_service_on, filled, move
from bench.scoring import LIMIT_PORT, PAIRS, Rate, median, micros, rate_of, ratio
from bench.service import PORT, Row, bare_application, serving

ASKED: Final = 2_000
SHOWN: Final = 20


def measure() -> list[Row]:
    with all_but_the_service_on(OTHERS_CORE), filled() as (demo, told):
        url = libpq_url(demo.database_url)
        with (
            serving(demo, workers=1) as service,
            bare_application("bench.bare_timeline:app", LIMIT_PORT, DATABASE_URL=url) as bare,
        ):
            for process in (service, bare):
                move(process.pid, 0)
            key = told["api_keys"]["agent"]
            pairs = [(_rate(bare.pid, LIMIT_PORT, key), _rate(service.pid, PORT, key)) for _ in range(PAIRS)]
    most, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    return [
        (
            f"timeline of {SHOWN} from {SUBSCRIBERS * CONTACTS_EACH:,}, of a bare application",
            "≥ .50",
            ratio(ours, most),
        ),
        ("… answers a second, the bare one's", "-", f"{median(ours):,.0f}, {median(most):,.0f}"),
        ("… CPU a request, the bare one's", "-", f"{micros(ours):.0f} µs, {micros(most):.0f} µs"),
    ]


def _rate(pid: int, port: int, key: str) -> Rate:
    chance = random.Random(3)  # noqa: S311  # a sample of subscribers, not a secret
    people = (chance.randrange(SUBSCRIBERS) for _ in range(ASKED))
    asked: dict[str, Any] = {"port": port, "key": key}
    return rate_of(pid, asked | {"paths": [f"/v1/interactions?limit={SHOWN}&subscriber_id=bench-{n}" for n in people]})
