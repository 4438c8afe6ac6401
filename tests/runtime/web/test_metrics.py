"""What Prometheus fetches, as Prometheus takes it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families


def samples(client) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    answer = client.ask("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found: dict = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_counts_times_and_facts_are_there(open_page, client_of, shots):
    page = open_page()
    client = client_of(page)
    before = samples(client)
    assert math.isnan(before["edgeproof_frame_age_seconds"][()])
    for shot in shots[:3]:
        page.take(shot)
    found = samples(client)
    assert found["edgeproof_frames_read_total"][()] == 3
    assert found["edgeproof_frames_dropped_total"][()] == 2
    assert found["edgeproof_frame_age_seconds"][()] >= 0
    assert found["edgeproof_viewers"][()] == 0
    assert found["edgeproof_condition"][(("condition", "ok"),)] == 1
    assert sum(found["edgeproof_condition"].values()) == 1
    for stage in ("segment", "classify", "total"):
        seconds = found["edgeproof_stage_seconds_sum"][(("stage", stage),)]
        assert math.isclose(seconds, sum(shot.reading.ms[stage] for shot in shots[:3]) / 1000)
        assert found["edgeproof_stage_seconds_count"][(("stage", stage),)] == 3
    (labels,) = found["edgeproof_model_info"]
    facts = shots[0].facts
    assert dict(labels) == {
        "artifact": facts.artifact, "backend": facts.backend, "version": facts.version, "provider": facts.provider,
        "requested": facts.requested,
    }  # fmt: skip
    page.take(replace(shots[3], facts=replace(facts, provider="another")))
    assert dict(*samples(client)["edgeproof_model_info"])["provider"] == "another", (
        "after an update, or without the GPU"
    )


def test_health_is_503_only_while_nothing_is_read(open_page, client_of, shots):
    page = open_page()
    client = client_of(page)
    waiting = client.ask("/healthz")
    assert (waiting.status, waiting.json()) == (503, {"state": "stalled", "reason": "no frame was read yet"})
    page.take(shots[0])
    well = client.ask("/healthz")
    assert (well.status, json.loads(well.body)) == (200, {"state": "ok", "reason": ""})


def test_two_pages_count_apart(open_page, client_of, shots):
    one, other = open_page(), open_page()
    one.take(shots[0])
    assert samples(client_of(one))["edgeproof_frames_read_total"][()] == 1
    assert samples(client_of(other))["edgeproof_frames_read_total"][()] == 0
