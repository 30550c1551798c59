"""How many requests a write key may send."""

import time

# A key that was idle may send this many seconds' worth at once.
_BURST_SECONDS = 2.0


class RateLimiter:
    """A token bucket for each source: so many requests a second, and a short burst on top.

    Args:
        rate: requests a second; 0 means any number.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = rate * _BURST_SECONDS
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, source: str) -> bool:
        """Whether one more request of the source may pass now; it is counted if so."""
        if not self._rate:
            return True
        now = time.monotonic()
        tokens, seen_at = self._buckets.get(source, (self._most, now))
        tokens = min(self._most, tokens + (now - seen_at) * self._rate)
        is_allowed = tokens >= 1
        self._buckets[source] = (tokens - is_allowed, now)
        return is_allowed
