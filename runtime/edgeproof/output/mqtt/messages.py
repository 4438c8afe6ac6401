"""What the messages say; docs/live.md has their fields."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from edgeproof import __version__
from edgeproof.classifier import Facts
from edgeproof.output.records import line
from edgeproof.output.shot import Shot
from edgeproof.page.numbers import Number
from edgeproof.tracking.numbers import TrackedNumber

#: A state of Home Assistant holds 255 characters; the whole list is in the attributes.
_SHOWN = "{{ (value_json.numbers | map(attribute='text') | join(' '))[:255] }}"

Record = dict[str, Any]


def content(record: Record) -> bytes:
    """A record as a message."""
    return line(record).removesuffix(b"\n")


def numbers(shot: Shot) -> list[Record]:
    """The numbers, or answers, of a frame: of a moving source those that were announced, of a picture those that were read."""
    if shot.tracked is not None:
        return [_entry(number.id, number) for number in shot.tracked.numbers]
    answers = [
        {"id": place, "text": region.answer.name, "score": round(region.answer.score, 4), "box": list(region.box)}
        for place, region in enumerate(shot.reading.regions, 1)
        if region.answer
    ]
    return answers or [_entry(place, number) for place, number in enumerate(shot.reading.numbers, 1)]


def _entry(id: int, number: Number | TrackedNumber) -> Record:
    return {"id": id, "text": number.text, "score": round(number.score, 4), "box": list(number.box)}


def discovery(prefix: str, facts: Facts, *, pictures: bool = False) -> tuple[str, Record]:
    """Topic and content of the message by which Home Assistant makes a sensor of what is published under `prefix`.

    pictures: whether that is what pictures show, and no numbers.
    """
    # Two prefixes are two sensors, also when they differ in nothing that an identifier may hold.
    mark = hashlib.sha256(prefix.encode()).hexdigest()[:8]
    id = f"edgeproof_{re.sub(r'[^a-zA-Z0-9_-]', '_', prefix)[:40]}_{mark}"
    return f"homeassistant/sensor/{id}/config", {
        "name": "Answers" if pictures else "Numbers",
        "unique_id": id,
        "icon": "mdi:image-search-outline" if pictures else "mdi:numeric",
        "state_topic": f"{prefix}/numbers",
        "value_template": _SHOWN,
        "json_attributes_topic": f"{prefix}/numbers",
        "availability_topic": f"{prefix}/availability",
        "device": {
            "identifiers": [id],
            "name": f"edgeproof {prefix}",
            "manufacturer": "edgeproof",
            "model": facts.artifact,
            "sw_version": __version__,
        },
        "origin": {"name": "edgeproof", "sw_version": __version__},
    }
