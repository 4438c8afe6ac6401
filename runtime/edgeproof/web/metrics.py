"""The run as Prometheus metrics. Names end in their unit; what is counted never goes down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

from edgeproof.output.shot import Shot, stage_ms
from edgeproof.web.packages import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, prometheus_client
from edgeproof.web.state import Condition, State

MEDIA_TYPE = prometheus_client.CONTENT_TYPE_LATEST
#: Seconds. From a digit on an accelerator to a photo on a small board.
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

MODEL = ("artifact", "backend", "version", "provider", "requested")  # of its facts


class Metrics:
    """A registry of its own: nothing of the process, which no other library may add to."""

    def __init__(self, state: State, viewers: Callable[[], int]) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        self._state, self._viewers = state, viewers
        self._stages = prometheus_client.Histogram(
            "edgeproof_stage_seconds", "Time of a frame in a stage", ["stage"], buckets=BUCKETS, registry=self._registry
        )
        self._registry.register(self)  # type: ignore[arg-type]

    def take(self, shot: Shot) -> None:
        """Count a frame's times."""
        for stage, ms in stage_ms(shot).items():
            self._stages.labels(stage).observe(ms / 1000)

    def collect(self) -> Iterator[Any]:
        """What is asked for at the moment of the request; called by the registry."""
        facts, counts = self._state.facts, self._state.counts()
        model = InfoMetricFamily("edgeproof_model", "What runs, beside what was asked for")
        model.add_metric([], {name: getattr(facts, name) for name in MODEL})
        yield model
        yield CounterMetricFamily("edgeproof_frames_read", "Frames read", counts["frames"])
        yield CounterMetricFamily("edgeproof_frames_dropped", "Frames passed by unread", counts["dropped"])
        yield GaugeMetricFamily("edgeproof_frame_age_seconds", "Since the newest frame was taken", counts["age"])
        yield GaugeMetricFamily("edgeproof_viewers", "Who looks at the picture now", self._viewers())
        now, _ = self._state.condition()
        family = GaugeMetricFamily("edgeproof_condition", "1 for the present one", labels=["condition"])
        for condition in get_args(Condition):
            family.add_metric([condition], float(condition == now))
        yield family

    def exposition(self) -> bytes:
        """The text that Prometheus fetches."""
        return bytes(prometheus_client.generate_latest(self._registry))
