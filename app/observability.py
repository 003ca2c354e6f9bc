"""Logs as one JSON object a line, and the metrics that /metrics shows. Neither ever holds personal data."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ACTION_BUCKETS: Final = tuple(
    seconds
    for unit, counts in ((60, (1, 5, 15)), (3600, (1, 4, 12)), (86_400, (1, 2, 3, 7, 14, 30, 45, 60)))
    for seconds in (unit * count for count in counts)
)
FIELDS: Final = "stayline_fields"

request_id_of_log: ContextVar[str | None] = ContextVar("request_id", default=None)
_logger = logging.getLogger("stayline")


def tell(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log what happened. No field may hold what a caller sent, and no exception's message: either may be personal."""
    _logger.log(level, event, extra={FIELDS: fields})


class JsonLine(logging.Formatter):
    """Writes a record as one line of ASCII JSON: no value can break out of its line or colour a terminal.

    Exceptions of libraries are named by their type alone.
    """

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "request_id": request_id_of_log.get(),
            "error": record.exc_info[0].__qualname__ if record.exc_info and record.exc_info[0] else None,
            **getattr(record, FIELDS, {}),
        }
        return json.dumps({name: value for name, value in told.items() if value is not None}, default=str)


def configure_logging(level: str) -> None:
    """Send every log, the libraries' too, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class Metrics:
    """The service's instruments, in a registry of their own so that each app instance counts for itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.drift_rows = Gauge(
            "stayline_drift_rows", "Rows this process scored in the last days.", ["churn_kind"], registry=self.registry
        )
        self.drift_psi = Gauge(
            "stayline_drift_psi",
            "Population stability index of a feature over those rows.",
            ["churn_kind", "feature"],
            registry=self.registry,
        )
        self.score_drift_psi = Gauge(
            "stayline_score_drift_psi",
            "Population stability index of the score over those rows.",
            ["churn_kind"],
            registry=self.registry,
        )
        self.store_up = Gauge("stayline_store_up", "1 while the store answers.", registry=self.registry)
        self.models_refused = Gauge(
            "stayline_models_refused", "Models that are to be active and cannot be.", registry=self.registry
        )
        self.scoring_up = Gauge("stayline_scoring_up", "1 while a model is loaded.", registry=self.registry)
