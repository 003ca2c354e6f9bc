"""How many requests a caller may make: a bucket that refills steadily and holds what one second brings."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Requests left at `at`."""

    left: float
    at: float


class Rates:
    """One bucket a caller, each of `limit` requests a second; 0 is no limit. Who was not seen longest is forgotten."""

    def __init__(self, limit: int, most_callers: int = 10_000) -> None:
        self.limit = limit
        self._most_callers = most_callers
        self._buckets: dict[object, Bucket] = {}

    def take(self, caller: object, at: float) -> int | None:
        """Use one request of the caller's and return how many are left; None if there was none.

        `at` is in seconds of a monotonic clock.
        """
        left = self._left(caller, at)
        granted = left >= 1
        self._buckets.pop(caller, None)
        self._buckets[caller] = Bucket(left - granted, at)
        if len(self._buckets) > self._most_callers:
            del self._buckets[next(iter(self._buckets))]
        return int(left - 1) if granted else None

    def exhausted(self, caller: object, at: float) -> bool:
        """Tell whether a request of the caller's would be refused right now."""
        return self.limit > 0 and self._left(caller, at) < 1

    def _left(self, caller: object, at: float) -> float:
        bucket = self._buckets.get(caller) or Bucket(self.limit, at)
        return min(self.limit, bucket.left + max(0.0, at - bucket.at) * self.limit)
