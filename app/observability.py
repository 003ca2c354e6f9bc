"""Logs as one JSON object a line, and the metrics that /metrics shows. Neither ever holds personal data."""

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def configure_logging(level: str) -> None:
    """Send structured logs to standard error, one JSON object a line whatever the values hold."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


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
        self.store_up = Gauge("stayline_store_up", "1 while the store answers.", registry=self.registry)
        self.scoring_up = Gauge("stayline_scoring_up", "1 while a model is loaded.", registry=self.registry)
