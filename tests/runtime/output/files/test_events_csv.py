"""The table of events: what a spreadsheet opens."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from edgeproof.errors import UsageError
from edgeproof.output.files.events_csv import HEAD, EventsCsv
from edgeproof.output.shot import Shot
from edgeproof.sources.source import Health, Source
from edgeproof.tracking.numbers import Event
from edgeproof.tracking.tracker import Tracked

pytest.importorskip("cv2")
CAMERA = Source("camera", "0", "0")


def with_events(shot: Callable[..., Shot], *events: Event) -> Shot:
    return replace(shot(CAMERA), tracked=Tracked((1,), (), (), events))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_event_is_a_row_and_so_is_a_loss(shot, tmp_path):
    path = tmp_path / "deep" / "events.csv"
    table = EventsCsv(path, append=False, overwrite=False)
    table.take(with_events(shot, Event("appeared", 1, "27", None, 0.9876, (1, 2, 3, 4), 0.5)))
    table.take(shot(CAMERA))
    table.tell(Health("0", "stalled", 'no "frame", for 2 s', 5.0))
    table.take(with_events(shot, Event("changed", 1, "21", "27", 0.9, (1, 2, 3, 4), 1.5)))
    table.close()
    first, lost, second = rows(path)
    assert tuple(first) == HEAD
    assert first | {"at": ""} == {
        "at": "", "source": "0", "time_s": "0.500", "event": "appeared", "id": "1", "text": "27", "before": "",
        "score": "0.9876", "x": "1", "y": "2", "width": "3", "height": "4",
    }  # fmt: skip
    assert (lost["event"], lost["text"]) == ("stalled", 'no "frame", for 2 s')
    assert (second["event"], second["text"], second["before"]) == ("changed", "21", "27")
    assert datetime.fromisoformat(first["at"]).tzinfo is not None


def test_what_is_there_is_kept_unless_told(shot, tmp_path):
    path = tmp_path / "events.csv"
    for append, overwrite, count in ((False, False, 1), (True, False, 2), (False, True, 1)):
        table = EventsCsv(path, append=append, overwrite=overwrite)
        table.take(with_events(shot, Event("gone", 1, "7", None, 0.9, (0, 0, 1, 1), 0.5)))
        table.close()
        assert len(rows(path)) == count
    with pytest.raises(UsageError, match="--events: expected a new file"):
        EventsCsv(path, append=False, overwrite=False)
