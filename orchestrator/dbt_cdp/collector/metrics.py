"""What the collector counts, in the text format of Prometheus. No label holds a person's data."""

import time
from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector as MetricSource

from dbt_cdp.collector.spool import Spool, sealed_segments

_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """Counters of one collector.

    Args:
        spool: where its segments are.
    """

    def __init__(self, spool: Spool) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_SpoolMetrics(spool))
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "cdp_collector_requests",
            "Requests answered.",
            ["path", "status"],
            registry=self._registry,
        )
        self._events = Counter(
            "cdp_collector_events",
            "Events by what became of them: accepted, quarantined or suppressed.",
            ["source", "outcome"],
            registry=self._registry,
        )
        self._bytes = Counter(
            "cdp_collector_received_bytes", "Bytes of bodies, packed.", registry=self._registry
        )
        self._commit_seconds = Histogram(
            "cdp_collector_commit_seconds",
            "Time until a group of requests was durable.",
            buckets=_COMMIT_BUCKETS,
            registry=self._registry,
        )
        # Looking up a label takes longer than counting.
        self._children: dict[tuple[str, object], Counter] = {}

    def count_request(self, path: str, status: int, size: int) -> None:
        """Count a request.

        Args:
            path: the route, not what was asked for.
            status: of the answer.
            size: bytes of the body as it came.
        """
        self._child(self._requests, path, status).inc()
        if size:
            self._bytes.inc(size)

    def count_events(self, source: str, outcome: str, number: int) -> None:
        """Count events of a source."""
        if number:
            self._child(self._events, source, outcome).inc(number)

    def observe_commit(self, seconds: float) -> None:
        """Note how long a commit took."""
        self._commit_seconds.observe(seconds)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return generate_latest(self._registry)

    def _child(self, counter: Counter, first: str, second: object) -> Counter:
        child = self._children.get((first, second))
        if child is None:
            child = self._children[first, second] = counter.labels(first, second)
        return child


class _SpoolMetrics(MetricSource):
    """The state of the spool, looked at when somebody asks."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def collect(self) -> Iterator[GaugeMetricFamily]:
        states = []
        for path in sealed_segments(self._spool.folder):
            # `cdp load` may have deleted it by now.
            if path.exists():
                states.append(path.stat())
        oldest = min((state.st_mtime for state in states), default=None)
        for name, help_text, value in (
            ("segments", "Sealed segments that wait for `cdp load`.", len(states)),
            ("bytes", "Bytes of the sealed segments.", sum(state.st_size for state in states)),
            (
                "oldest_segment_seconds",
                "Age of the oldest sealed segment.",
                time.time() - oldest if oldest else 0,
            ),
            ("free_bytes", "Free space of the spool's disk.", self._spool.free_bytes),
        ):
            yield GaugeMetricFamily(f"cdp_collector_spool_{name}", help_text, value)
