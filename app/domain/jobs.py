"""The words of a job: long work that a worker does, a piece at a time."""

from enum import StrEnum


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Work(StrEnum):
    """How the work that was asked for goes: `stalled` is what waits, and nothing of it got done for a while."""

    IDLE = "idle"
    WORKING = "working"
    STALLED = "stalled"
    UNKNOWN = "unknown"
