"""A serving process: how soon it is ready, how much memory it takes, how well and how fast it scores."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from app.demo.home import Demo
from app.embedded.postgres import postgres
from app.ml import registry, scorer
from app.ml.features import encode
from bench.service import PORT, Row, set_up

STARTS = 5
SCORES = 2000


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        environment = os.environ | demo.environment()
        told = set_up(demo)
        starts = [_start(environment, told) for _ in range(STARTS)]
        return [
            ("import to ready, median", "≤ 3 s", f"{statistics.median(ready for ready, _, _ in starts):.2f} s"),
            ("memory after 200 scores (RSS)", "≤ 130 MB", f"{statistics.median(rss for _, rss, _ in starts):.0f} MiB"),
            ("POST /v1/scores, one client, median", "-", f"{statistics.median(ms for *_, ms in starts):.2f} ms"),
            *_model(demo, told),
        ]


def _start(environment: dict[str, str], told: dict[str, Any]) -> tuple[float, float, float]:
    """Start a service; return seconds until ready, MiB after 200 scores, and the median milliseconds of a score."""
    began = time.perf_counter()
    with _serving(environment) as process, httpx.Client(base_url=f"http://127.0.0.1:{PORT}") as client:
        while True:
            with suppress(httpx.TransportError):
                if client.get("/readyz").status_code == httpx.codes.OK:
                    break
            time.sleep(0.01)
        ready = time.perf_counter() - began
        client.headers["Authorization"] = f"Bearer {told['api_keys']['crm']}"
        times = [_timed(client, subscriber_id) for subscriber_id in told["subscriber_ids"][:200]]
        status = Path(f"/proc/{process.pid}/status").read_text()
    rss = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
    return ready, rss, statistics.median(times)


def _timed(client: httpx.Client, subscriber_id: str) -> float:
    began = time.perf_counter()
    client.post("/v1/scores", json={"subscriber_id": subscriber_id}).raise_for_status()
    return (time.perf_counter() - began) * 1000


@contextmanager
def _serving(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "app", "serve", "--port", str(PORT)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        yield process
        process.terminate()


def _model(demo: Demo, told: dict[str, Any]) -> list[Row]:
    bundle = registry.active_bundles(demo.models_dir)["port_out"]
    low, high = bundle.manifest.metrics.intervals.auroc
    values = {feature.name: feature.levels[0] if feature.levels else 1 for feature in bundle.manifest.features}
    values |= {f.name: True for f in bundle.manifest.features if f.type.value == "boolean"}
    row = encode(bundle.contract, values)
    times = []
    for _ in range(SCORES):
        began = time.perf_counter()
        scorer.score(bundle, row)
        times.append((time.perf_counter() - began) * 1e6)
    auroc = f"{bundle.manifest.metrics.auroc:.4f} [{low:.4f}, {high:.4f}]"
    return [
        (f"AUROC on {bundle.manifest.metrics.rows} subscribers never trained on, 95 % interval", "≥ .84", auroc),
        (
            "log-loss and calibration error there",
            "-",
            f"{bundle.manifest.metrics.log_loss:.4f}, {bundle.manifest.metrics.ece:.4f}",
        ),
        (
            "probability and all contributions of one row, in process, median",
            "≤ 40 µs",
            f"{statistics.median(times):.0f} µs",
        ),
        ("subscribers in the demo never trained on", "≥ 100", str(len(told["subscriber_ids"]))),
    ]
