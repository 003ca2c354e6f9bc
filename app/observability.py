"""Logs as one JSON object a line, and the metrics that /metrics shows. Neither ever holds personal data."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from pydantic_core import to_json

LATENCY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ACTION_BUCKETS: Final = tuple(
    seconds
    for unit, counts in ((60, (1, 5, 15)), (3600, (1, 4, 12)), (86_400, (1, 2, 3, 7, 14, 30, 45, 60)))
    for seconds in (unit * count for count in counts)
)
FIELDS: Final = "stayline_fields"
# Where several processes keep their numbers, so that each can show all of theirs; prometheus_client reads it by itself.
SHARED_METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"

request_id_of_log: ContextVar[str | None] = ContextVar("request_id", default=None)
_logger = logging.getLogger("stayline")
_lines: "Lines | None" = None  # where there are none, records go wherever the log is led
MOST_WAITING: Final = 256
WRITTEN_TOGETHER_SECONDS: Final = 0.05


def tell(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log what happened. No field may hold what a caller sent, and no exception's message: either may be personal."""
    if not _logger.isEnabledFor(level):
        return
    if _lines is not None:
        # What a record is besides, such as who made it where, takes longer than the line, and nobody reads it.
        _lines.add(_line(time.time(), level, event, fields), level)
        return
    record = logging.LogRecord(_logger.name, level, "", 0, event, None, None)
    setattr(record, FIELDS, fields)
    _logger.handle(record)


def _line(created: float, level: int, event: str, fields: Mapping[str, object]) -> str:
    """Write one line of ASCII JSON: no value can break out of its line or colour a terminal."""
    told: dict[str, object] = {
        "timestamp": datetime.fromtimestamp(created, UTC).isoformat(),
        "level": logging.getLevelName(level).lower(),
        "event": event,
    }
    if request_id := request_id_of_log.get():
        told["request_id"] = request_id
    told.update(fields)
    return to_json(told, ensure_ascii=True, fallback=str).decode()


class Lines:
    """Lines on their way out: usual ones are written together after a moment, an unusual one at once."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: list[str] = []

    def add(self, line: str, level: int) -> None:
        self._waiting.append(line)
        if level >= logging.WARNING or len(self._waiting) >= MOST_WAITING:
            self.flush()
        elif len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_later(WRITTEN_TOGETHER_SECONDS, self.flush)
            except RuntimeError:  # without a loop there is nobody to come back to it
                self.flush()

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            with suppress(OSError, ValueError):  # nobody reads any more
                self._file.write("\n".join([*waiting, ""]))
                self._file.flush()


class JsonLines(logging.Handler):
    """Writes the libraries' records as lines of ours. Exceptions are named by their type alone."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__qualname__ if record.exc_info and record.exc_info[0] else None
        fields = {"error": error} if error else {}
        self._lines.add(_line(record.created, record.levelno, record.getMessage(), fields), record.levelno)

    def flush(self) -> None:
        self._lines.flush()


def configure_logging(level: str) -> None:
    """Send every log, the libraries' too, to standard error."""
    global _lines  # noqa: PLW0603  # as the log itself, there is one of it
    _lines = Lines(sys.stderr)
    # Not told in a line, and so not to be looked up for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=level, handlers=[JsonLines(_lines)], force=True)


class Metrics:
    """The service's instruments, in a registry of their own so that each app instance counts for itself.

    Where several processes serve together, counters are added up. A gauge is set when somebody asks, and is as the
    process that was asked sees it: the others know nothing yet, or no longer. A refused model is told by any of them.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Found once: looking an instrument up by its labels takes longer than counting.
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._scored: dict[tuple[str, str], tuple[Counter, Counter]] = {}
        self.requests = Counter(
            "stayline_http_requests", "Answered requests.", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "stayline_http_request_seconds",
            "Time from the request's arrival to its answer's end.",
            ["method", "route"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.shed = Counter(
            "stayline_shed", "Requests sent away because too many were being answered.", registry=self.registry
        )
        self.scores = Counter("stayline_scores", "Scores given.", ["churn_kind", "band"], registry=self.registry)
        self.decisions = Counter("stayline_decisions", "Decisions recorded.", ["arm"], registry=self.registry)
        self.stale_scores = Counter(
            "stayline_stale_scores",
            "Scores, and decisions, made of a stale snapshot.",
            ["churn_kind"],
            registry=self.registry,
        )
        self.data_to_action = Histogram(
            "stayline_data_to_action_seconds",
            "Time from recording a snapshot to recording a decision made of it.",
            buckets=ACTION_BUCKETS,
            registry=self.registry,
        )
        self.drift_rows = self._gauge("stayline_drift_rows", "Rows this process scored in the last days.", "churn_kind")
        self.drift_psi = self._gauge(
            "stayline_drift_psi", "Population stability index of a feature over those rows.", "churn_kind", "feature"
        )
        self.score_drift_psi = self._gauge(
            "stayline_score_drift_psi", "Population stability index of the score over those rows.", "churn_kind"
        )
        self.store_up = self._gauge("stayline_store_up", "1 while the store answers.")
        self.store_durable = self._gauge(
            "stayline_store_durable", "1 while the store keeps what it confirmed, whatever crashes."
        )
        self.models_refused = self._gauge(
            "stayline_models_refused", "Models that are to be active and cannot be.", mode="livemax"
        )
        self.scoring_up = self._gauge("stayline_scoring_up", "1 while a model is loaded.")
        self.jobs_stalled = self._gauge(
            "stayline_jobs_stalled", "1 while a job waits and nothing of it got done for a minute."
        )
        self.inside = self._gauge("stayline_requests_inside", "Requests being answered right now.")
        self.tasks = self._gauge("stayline_tasks", "Tasks of the event loop, which no number of requests adds to.")

    def _gauge(
        self, name: str, told: str, *labels: str, mode: Literal["livemostrecent", "livemax"] = "livemostrecent"
    ) -> Gauge:
        return Gauge(name, told, labels, registry=self.registry, multiprocess_mode=mode)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        found = self._counted.get((method, route, status))
        if found is None:
            found = self.requests.labels(method, route, status), self.latency.labels(method, route)
            self._counted[method, route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def scored(self, churn_kind: str, band: str, *, stale: bool, times: int = 1) -> None:
        """Count a score that was given, or so many alike."""
        found = self._scored.get((churn_kind, band))
        if found is None:
            found = self.scores.labels(churn_kind, band), self.stale_scores.labels(churn_kind)
            self._scored[churn_kind, band] = found
        found[0].inc(times)
        if stale:
            found[1].inc(times)

    def shown(self) -> bytes:
        """All there is, as Prometheus reads it: of every process that serves together."""
        if SHARED_METRICS not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def close(self) -> None:
        """Take this process's gauges out of what the others show."""
        if SHARED_METRICS in os.environ:
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
