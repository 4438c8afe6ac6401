"""What the page knows: written by the thread that reads frames, asked by the one that serves the page."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

from edgeproof.classifier import Facts
from edgeproof.output.shot import Shot, stage_ms
from edgeproof.sources.source import Health
from edgeproof.support.terminal import printable

Condition = Literal["ok", "degraded", "stalled"]

FPS_WINDOW_S = 5.0
SAMPLE_S = 0.2  # between two points of the charts
SAMPLES = 300  # a minute of them
SILENT_S = 10.0  # without a turn of the loop that reads a live source: then it hangs
MOST_EVENTS = 100  # remembered for who opens the page later
LIKELIEST = 3  # classes of a picture that the page shows beside its answer
RECENT_EVENTS = 20  # sent again with every message, so that none is lost to who misses a few


class State:
    """Counts, times and the newest reading of a run. Safe to share by threads."""

    def __init__(self, facts: Facts, *, pictures: bool = False) -> None:
        """pictures: whether frames are answered to as pictures, and not read as pages."""
        self._facts, self._pictures = facts, pictures
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._health: Health | None = None
        self._newest: dict[str, Any] = {}  # what the newest frame says about itself
        self._live = False
        self._taken_s: float | None = None  # monotonic clock of the newest frame
        self._alive_s = self._began
        self._read_s: deque[float] = deque(maxlen=1000)  # when the last frames came out of the reader
        self._frames = self._dropped_before = self._dropped = 0
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._event_count = 0
        self._samples: deque[tuple[float, list[float]]] = deque(maxlen=SAMPLES)

    def take(self, shot: Shot) -> None:
        """Remember what a frame says. Costs microseconds: nothing of its picture is looked at."""
        now, frame = time.monotonic(), shot.frame
        newest, self._facts = _described(shot), shot.facts
        numbers, events = announced(shot)
        with self._lock:
            if self._newest and self._newest["name"] != newest["name"]:
                self._dropped_before += self._dropped
                self._health = None  # it was about the source before
            newest["numbers"] = numbers
            self._newest, self._live = newest, shot.source.live
            self._taken_s = now if frame.taken_s is None else frame.taken_s
            newest["late_ms"] = _rounded(1000 * (now - self._taken_s))
            self._frames, self._dropped = self._frames + 1, frame.dropped
            self._read_s.append(now)
            self._alive_s = now
            for event in events:
                self._event_count += 1
                self._events.append(event | {"seq": self._event_count, "at": time.time()})
            if not self._samples or now - self._samples[-1][0] >= SAMPLE_S:
                ms, late = newest["ms"], newest["late_ms"]
                self._samples.append((now, [ms["segment"], ms["classify"], ms["total"], late, self._fps(now)]))

    def alive(self) -> None:
        """The loop that reads goes on, whether or not there is a frame to read."""
        self._alive_s = time.monotonic()

    def tell(self, health: Health) -> None:
        """Remember what has become of the source."""
        with self._lock:
            self._health = health

    @property
    def facts(self) -> Facts:
        """Of the model that read the newest frame."""
        return self._facts

    def condition(self) -> tuple[Condition, str]:
        """How the run is, and one line that says why, empty for "ok"."""
        with self._lock:
            return self._condition(time.monotonic())

    def counts(self) -> dict[str, float]:
        """frames, dropped, and age: seconds since the newest frame was taken, NaN before the first."""
        with self._lock:
            age = float("nan") if self._taken_s is None else time.monotonic() - self._taken_s
            return {"frames": self._frames, "dropped": self._dropped_before + self._dropped, "age": age}

    def message(self, viewers: int, *, greeting: bool = False) -> str:
        """JSON for the page. greeting: with all that it shows of the past, as the first message of a connection."""
        now = time.monotonic()
        with self._lock:
            condition, why = self._condition(now)
            told = {
                **self._newest,
                "pictures": self._pictures,
                "age_ms": None if self._taken_s is None else round(1000 * (now - self._taken_s), 1),
                "fps": round(self._fps(now), 1),
                "frames": self._frames,
                "dropped": self._dropped_before + self._dropped,
                "source_state": self._source_state(now),
                "condition": condition,
                "why": why,
                "viewers": viewers,
                "up_s": round(now - self._began),
                "facts": _facts_record(self._facts),
                "events": list(self._events)[-(MOST_EVENTS if greeting else RECENT_EVENTS) :],
            }
            if greeting:
                told["history"] = [[round(now - at, 2), *map(_rounded, values)] for at, values in self._samples]
        return json.dumps(told)  # in ASCII: a name may hold what is no UTF-8

    def _fps(self, now: float) -> float:
        recent = [at for at in self._read_s if now - at < FPS_WINDOW_S]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0

    def _source_state(self, now: float) -> str:
        if self._taken_s is None:
            return "waiting"
        if self._health is not None and self._health.state != "live":
            return self._health.state
        return "stalled" if self._hangs(now) else "live"

    def _hangs(self, now: float) -> bool:
        return self._live and now - self._alive_s > SILENT_S

    def _condition(self, now: float) -> tuple[Condition, str]:
        health = self._health
        if health is not None and health.state == "stalled":
            return "stalled", printable(health.reason) or "no frame comes"
        if self._taken_s is None:
            return "stalled", "no frame was read yet"
        if self._hangs(now):
            return "stalled", f"no frame was read for {now - self._read_s[-1]:.0f} s: the reading hangs"
        if health is not None and health.state in ("frozen", "degraded"):
            return "degraded", printable(health.reason)
        if self._facts.degraded:
            return "degraded", printable(self._facts.degraded)
        if self._facts.skipped:
            return "degraded", printable("not the best choice: " + self._facts.skipped[0])
        return "ok", ""


def announced(shot: Shot) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
    """The numbers that the page shows, and what has happened to them with this frame.

    A number: text, score 0..1, and id where it is the same from frame to frame. An event: kind ("appeared", "changed", "gone"),
    text, and before, score, time_s where they are known. A picture has no before: its numbers have no id and nothing happens.
    Of a bundle of pictures the answers are the numbers, each with the number of its region as id, which its events have too.
    """
    if shot.tracked is None:
        numbers = [{"text": number.text, "score": round(number.score, 4)} for number in shot.reading.numbers]
        return numbers or _answers(shot), ()
    numbers = [
        {"id": number.id, "text": number.text, "score": round(number.score, 4)} for number in shot.tracked.numbers
    ]
    return (
        numbers,
        [
            {
                "kind": event.kind,
                "text": event.text,
                "before": event.before,
                "score": event.score,
                "time_s": event.time_s,
            }
            | ({"id": event.id} if shot.reading.regions else {})
            for event in shot.tracked.events
        ],
    )


def _answers(shot: Shot) -> list[dict[str, Any]]:
    return [
        {"id": i, "text": region.answer.name, "score": round(region.answer.score, 4)}
        for i, region in enumerate(shot.reading.regions, 1)
        if region.answer
    ]


def _described(shot: Shot) -> dict[str, Any]:
    frame, reading = shot.frame, shot.reading
    top = reading.regions[0].top[:LIKELIEST] if len(reading.regions) == 1 else ()
    history = shot.tracked.history if shot.tracked else ()
    return {
        "name": printable(frame.source),
        "kind": shot.source.kind,
        "frame": frame.index,
        "width": int(frame.image.shape[1]),
        "height": int(frame.image.shape[0]),
        "digits": len(reading.digits),
        "rejected": reading.rejected,
        "regions": len(reading.regions),
        "likeliest": [{"text": guess.name, "score": round(guess.score, 4)} for guess in top],
        "spells": [[spell.text, _rounded(spell.seconds)] for spell in history],
        "p50_ms": _rounded(shot.p50_ms),
        "ms": {stage: _rounded(ms) for stage, ms in stage_ms(shot).items()},
    }


def _facts_record(facts: Facts) -> dict[str, Any]:
    return {
        "artifact": facts.artifact,
        "backend": f"{facts.backend} {facts.version}",
        "provider": facts.provider,
        "requested": facts.requested,
        "skipped": [printable(why) for why in facts.skipped],
    }


def _rounded(ms: float) -> float:
    return round(ms, 2)
