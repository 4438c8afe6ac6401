"""What is read reaches a real broker, is kept there, and is the newest whatever happened to it; reading never waits for it."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeproof import __version__
from edgeproof.classifier import Facts
from edgeproof.cli.main import main
from edgeproof.output.mqtt import sink
from edgeproof.output.mqtt.address import parse
from edgeproof.output.mqtt.sink import Mqtt
from edgeproof.output.records import event_record
from edgeproof.output.shot import Shot
from edgeproof.page.reading import Digit, Guess, Reading, Region
from edgeproof.sources.source import Frame, Health, Source
from edgeproof.tracking.numbers import Event, TrackedNumber
from edgeproof.tracking.tracker import Tracked
from tests.runtime.output.mqtt.conftest import Broker, Listener, wait_for

Listen = Callable[..., Listener]
FACTS = Facts("int8.onnx", "onnxruntime", "CPUExecutionProvider", "1.0", "auto")
CAMERA = Source("camera", "0", "0")
SECRET = "hunter2"
EVENT = Event("appeared", 3, "42", None, 0.98765, (1, 2, 3, 4), 1.5)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def publish(broker: Broker, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mqtt]]:
    """`publish()` begins a sink that does not wait long before it tries again; it is closed at the end."""
    monkeypatch.setattr(sink, "RETRY_S", (0.1, 0.2))
    begun: list[Mqtt] = []

    def begin(user: str = "", scheme: str = "mqtt", host: str = "127.0.0.1", **options: Any) -> Mqtt:
        begun.append(Mqtt(parse(f"{scheme}://{user}{host}:{broker.port}/door/1"), FACTS, said.append, **options))
        return begun[-1]

    yield begin
    for mqtt in begun:
        mqtt.close()


@pytest.fixture
def seen(shot: Callable[..., Shot]) -> Callable[..., Shot]:
    """`seen("42", "7", events=…)`: a frame of a camera on which these numbers are announced, each time a little further on."""
    moved = itertools.count(1)

    def make(*texts: str, events: tuple[Event, ...] = ()) -> Shot:
        x = next(moved)
        numbers = tuple(TrackedNumber(i, text, 0.98765, (x, 2, 3, 4), 0.0) for i, text in enumerate(texts, 3))
        return replace(shot(CAMERA), tracked=Tracked((1,), (), numbers, events))

    return make


def test_answers_to_pictures_are_published_by_their_region() -> None:
    guess = Guess(1, "sea lion", 0.9)
    answer = Digit(1, "sea lion", 0.9, (10, 0, 10, 10))
    image = np.zeros((8, 8, 3), np.uint8)
    regions = (Region((0, 0, 10, 10), (guess,), None, image), Region((10, 0, 10, 10), (guess,), answer, image))
    reading = Reading((answer,), (), 1, 0, image[None], {}, regions=regions)
    shot = Shot(Source("picture", "a", "a"), Frame("a", 0, 0.0, image, 1.0), reading, FACTS, 1.0)
    assert sink.messages.numbers(shot) == [{"id": 2, "text": "sea lion", "score": 0.9, "box": [10, 0, 10, 10]}]
    named = [sink.messages.discovery("door", FACTS, pictures=pictures)[1]["name"] for pictures in (False, True)]
    assert named == ["Numbers", "Answers"]


def test_events_pass_and_the_numbers_stay(broker, listen: Listen, publish, seen) -> None:
    broker.up()
    before, mqtt = listen(), publish()
    wait_for(lambda: before.newest("door/1/availability") == "online")
    mqtt.take(seen("42", events=(EVENT,)))
    wait_for(lambda: before.newest("door/1/state"))
    assert before.newest("door/1/event") == event_record("0", EVENT)
    after = listen()
    wait_for(lambda: after.newest("door/1/state"))
    assert after.newest("door/1/event") is None
    assert after.newest("door/1/numbers") == {
        "source": "0", "numbers": [{"id": 3, "text": "42", "score": 0.9877, "box": [1, 2, 3, 4]}],
    }  # fmt: skip
    assert after.newest("door/1/state") == {"source": "0", "state": "live", "reason": ""}
    assert all(kept for _, _, kept in after.messages)
    mqtt.close()
    wait_for(lambda: after.newest("door/1/availability") == "offline")


def test_numbers_are_told_when_a_text_changes_and_at_no_other_time(broker, listen: Listen, publish, seen, shot) -> None:
    broker.up()
    listener, mqtt = listen(), publish()
    for texts in ((), (), ("4",), ("4",), ("4", "2"), ("5", "2"), ("5", "2")):
        mqtt.take(seen(*texts))
        wait_for(lambda texts=texts: listener.texts() == list(texts))
    mqtt.take(shot(text="12"))  # a picture: no numbers are announced
    wait_for(lambda: listener.texts() == ["12"])
    assert [topic for topic, _, _ in listener.messages].count("door/1/numbers") == 5


def test_states_are_told_when_they_change(broker, listen: Listen, publish, seen) -> None:
    broker.up()
    listener, mqtt = listen(), publish()
    lost = replace(seen(), facts=replace(FACTS, degraded="the GPU is gone"))
    stalled, frozen, live = (Health("0", state, state, 0.0) for state in ("stalled", "frozen", "live"))
    steps = [
        (seen(), "live"), (stalled, "stalled"), (frozen, "frozen"), (seen(), "frozen"), (live, "live"), (seen(), "live"),
        (Health("1", "stalled", "", 0.0), "stalled"), (seen(), "live"), (lost, "degraded"), (lost, "degraded"),
    ]  # fmt: skip
    for step, state in steps:
        mqtt.tell(step) if isinstance(step, Health) else mqtt.take(step)
        wait_for(lambda state=state: (listener.newest("door/1/state") or {}).get("state") == state)
    states = [json.loads(content) for topic, content, _ in listener.messages if topic == "door/1/state"]
    assert [state["state"] for state in states] == ["live", "stalled", "frozen", "live", "stalled", "live", "degraded"]
    assert states[-1] == {"source": "0", "state": "degraded", "reason": "the GPU is gone"}


def test_home_assistant_is_told_what_there_is(broker, listen: Listen, publish, seen) -> None:
    broker.up()
    publish().take(seen("42", "7"))
    listener = listen()
    wait_for(listener.texts)
    (topic,) = {topic for topic, _, _ in listener.messages if topic.startswith("homeassistant/")}
    assert re.fullmatch(r"homeassistant/sensor/edgeproof_door_1_[0-9a-f]{8}/config", topic)
    found = listener.newest(topic)
    assert found["state_topic"] == found["json_attributes_topic"] == "door/1/numbers"
    assert found["availability_topic"] == "door/1/availability"
    assert found["device"]["name"] == "edgeproof door/1"
    assert (found["device"]["model"], found["device"]["sw_version"]) == ("int8.onnx", __version__)
    assert found["unique_id"] in topic


def test_its_state_is_the_numbers_as_far_as_it_holds_them() -> None:
    jinja2 = pytest.importorskip("jinja2")
    template = jinja2.Template(sink.messages.discovery("door/1", FACTS)[1]["value_template"])
    for texts, state in ((["42", "-7.5"], "42 -7.5"), ([], ""), (50 * ["123456"], (50 * "123456 ")[:255])):
        assert template.render(value_json={"numbers": [{"text": text} for text in texts]}) == state


def test_two_prefixes_are_two_sensors() -> None:
    topics = {sink.messages.discovery(prefix, FACTS)[0] for prefix in ("a/b", "a_b", "a b", 50 * "a", 51 * "a")}
    assert len(topics) == 5


def test_home_assistant_is_told_nothing_when_nobody_wants_it(broker, listen: Listen, publish, seen) -> None:
    broker.up()
    publish(discovery=False).take(seen("42"))
    listener = listen()
    wait_for(lambda: listener.newest("door/1/state"))
    assert not [topic for topic, _, _ in listener.messages if not topic.startswith("door/1/")]


def test_a_broker_that_comes_later_gets_the_newest(broker, listen: Listen, publish, seen, said) -> None:
    mqtt = publish()
    wait_for(lambda: said)
    for number in range(500):
        mqtt.take(seen(str(number), events=(EVENT,)))
    broker.up()
    listener = listen()
    wait_for(lambda: listener.newest("door/1/state"))
    assert listener.texts() == ["499"]
    assert listener.newest("door/1/event") is None
    assert said == [
        f"mqtt://127.0.0.1:{broker.port}/door/1: the broker is not reached, Connection refused; it is tried again, and "
        "reading goes on",
        f"mqtt://127.0.0.1:{broker.port}/door/1: connected",
    ]


def test_of_what_a_broker_missed_while_it_hung_it_gets_the_newest(broker, listen: Listen, publish, seen) -> None:
    broker.up()
    listener, mqtt = listen(), publish()
    mqtt.take(seen("0"))
    wait_for(lambda: listener.newest("door/1/state"))
    broker.hang()
    for number in range(1, 1000):
        mqtt.take(seen(str(number), events=(replace(EVENT, id=number),)))
    broker.go_on()
    wait_for(lambda: listener.texts() == ["999"])
    assert [topic for topic, _, _ in listener.messages].count("door/1/numbers") == 2
    events = [json.loads(content)["id"] for topic, content, _ in listener.messages if topic == "door/1/event"]
    assert events == [1, *range(900, 1000)]  # one was on its way


def test_who_ends_while_the_broker_hangs_is_offline(broker, listen: Listen, publish, seen) -> None:
    broker.up()
    listener, mqtt = listen(), publish()
    wait_for(lambda: listener.newest("door/1/availability"))
    broker.hang()
    mqtt.take(seen("1"))
    mqtt.close()
    broker.go_on()
    wait_for(lambda: listener.newest("door/1/availability") == "offline")
    after = listen()
    wait_for(lambda: after.newest("door/1/availability") == "offline")


@pytest.mark.parametrize("hangs", [False, True])
def test_a_broker_that_was_started_anew_has_the_newest(  # noqa: PLR0917 (pytest's way)
    hangs, broker, listen: Listen, publish, seen, said
) -> None:
    """Also when it ends with messages that it did not answer: those are sent again, and must not come last."""
    broker.up()
    mqtt = publish()
    mqtt.take(seen("1"))
    first = listen()
    wait_for(lambda: first.texts() == ["1"])
    if hangs:
        broker.hang()
        for number in range(2, 60):
            mqtt.take(seen(str(number)))
    broker.down()
    wait_for(lambda: said)
    mqtt.take(seen("60"))
    broker.up()
    wait_for(lambda: "connected" in said[-1])
    mqtt.close()
    after = listen()
    wait_for(lambda: after.newest("door/1/state"))
    assert (after.texts(), after.newest("door/1/availability")) == (["60"], "offline")
    assert len(said) == len(set(said)) <= 3


def test_a_wrong_password_is_said_once_and_not_shown(broker, listen: Listen, publish, said, tmp_path) -> None:
    passwords = tmp_path / "passwords"
    if (tool := shutil.which("mosquitto_passwd")) is None:
        pytest.skip("no mosquitto_passwd here")
    subprocess.run([tool, "-b", "-c", str(passwords), "edge", f"{SECRET}/@"], check=True, capture_output=True)
    broker.up("allow_anonymous false", f"password_file {passwords}")
    publish(f"edge:wrong{SECRET}@")
    publish()
    wait_for(lambda: len(said) == 2)
    time.sleep(0.5)  # it is tried again meanwhile
    assert set(said) == {
        f"mqtt://127.0.0.1:{broker.port}/door/1: the broker refuses, Not authorized: check user and password; it is tried "
        "again, and reading goes on"
    }
    assert len(said) == 2
    publish(f"edge:{SECRET}%2F%40@")
    listener = listen("edge", f"{SECRET}/@")
    wait_for(lambda: listener.newest("door/1/availability") == "online")


def test_a_certificate_is_checked(broker, publish, said, tmp_path, monkeypatch) -> None:
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("no openssl here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    broker.up("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}")
    publish(scheme="mqtts", host="localhost")
    wait_for(lambda: said)
    assert "certificate verify failed" in said[0]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    trusted = publish(scheme="mqtts", host="localhost")
    wait_for(lambda: trusted._connected_s is not None)
    wrong_name = publish(scheme="mqtts")
    wait_for(lambda: len(said) == 2)
    assert "127.0.0.1" in said[1]
    assert wrong_name._connected_s is None


@pytest.mark.timed
@pytest.mark.parametrize("broken", ["never there", "gone", "hangs", "silent"])
def test_no_broker_holds_up_the_reader(broken, broker, publish, seen, said) -> None:
    """1.5 s: what waits ends after 0.9 s. 0.5 s for 1000 frames: here they take 0.05 s."""
    silent = socket.create_server(("127.0.0.1", broker.port)) if broken == "silent" else None
    if broken in ("gone", "hangs"):
        broker.up()
    mqtt = publish()
    if broken == "never there":
        wait_for(lambda: said)
    elif broken != "silent":
        wait_for(lambda: mqtt._connected_s is not None and not mqtt._waits())
        broker.hang() if broken == "hangs" else broker.down()
    start = time.monotonic()
    for number in range(1000):
        mqtt.take(seen(str(number), events=(EVENT,)))
    assert time.monotonic() - start < 0.5
    start = time.monotonic()
    mqtt.close()
    assert time.monotonic() - start < 1.5
    assert 1 <= len(said) <= 2  # that it is lost, and that it is not reached
    if silent:
        silent.close()


def test_the_threads_end_with_it(broker, publish, seen) -> None:
    before = threading.active_count()
    broker.up()
    mqtt = publish()
    mqtt.take(seen("1"))
    mqtt.close()
    wait_for(lambda: threading.active_count() == before)


def test_a_video_read_by_the_command_line(  # noqa: PLR0917 (pytest's way)
    broker, listen: Listen, samples, tmp_path, monkeypatch, capsys
) -> None:
    pytest.importorskip("cv2")
    broker.up()
    listener, records = listen(), tmp_path / "out.jsonl"
    monkeypatch.setenv("BROKER", f"mqtt://u:{SECRET}@127.0.0.1:{broker.port}/door/1")
    words = ["read", str(samples / "numbers.mp4"), "--mqtt", "env:BROKER", "--json", str(records), "--no-show"]
    assert main(words) == 0
    wait_for(lambda: listener.newest("door/1/availability") == "offline")
    written = [json.loads(line) for line in records.read_text().splitlines()]
    events = [json.loads(content) for topic, content, _ in listener.messages if topic == "door/1/event"]
    assert events == [record for record in written if record["type"] == "event"]
    assert len(events) > 1
    present: dict[int, str] = {}
    for event in events:
        present[event["id"]] = event["text"]
        if event["event"] == "gone":
            del present[event["id"]]
    assert sorted(listener.texts() or []) == sorted(present.values())
    streams = capsys.readouterr()
    assert SECRET not in streams.err + streams.out + records.read_text()


def test_one_that_comes_back_before_its_end_was_noticed_stays_online(broker, listen: Listen, tmp_path) -> None:
    """As after a power cut: the connection before is open still, and its will must not come later."""
    pytest.importorskip("cv2")
    broker.up()
    listener, url = listen(), f"mqtt://127.0.0.1:{broker.port}/door/1"
    words = [sys.executable, "-m", "edgeproof", "read", f"watch:{tmp_path}", "--mqtt", url, "--no-show"]
    started, topic = [], "door/1/availability"
    try:
        for _ in range(2):
            count = len(listener.messages)
            started.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            wait_for(
                lambda count=count: (
                    [text for name, text, _ in listener.messages[count:] if name == topic][-1:] == ["online"]
                )
            )
            started[-1].send_signal(signal.SIGSTOP)
        started[0].send_signal(signal.SIGKILL)  # whose end the broker notices now
        time.sleep(1.0)
        assert listener.newest(topic) == "online"
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_one_that_was_killed_is_offline(broker, listen: Listen, tmp_path) -> None:
    pytest.importorskip("cv2")
    broker.up()
    listener, url = listen(), f"mqtt://127.0.0.1:{broker.port}/door/1"
    words = [sys.executable, "-m", "edgeproof", "read", f"watch:{tmp_path}", "--mqtt", url, "--no-show"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listener.newest("door/1/availability") == "online")
        process.send_signal(signal.SIGKILL)
        wait_for(lambda: listener.newest("door/1/availability") == "offline")
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--mqtt", f"mqtt://u:{SECRET}@127.0.0.1/#"], 2, "must not hold + # ?"),
        ([f"--mqtt=mqqt://u:{SECRET}@127.0.0.1/a"], 2, "found something else"),
        (["--mqtt", ""], 2, "found something else"),
        (["--no-discovery"], 2, "--no-discovery: expected --mqtt URL too"),
        (["--mqtt", f"mqtt://u:{SECRET}@127.0.0.1/a"], 4, "install edgeproof[mqtt]"),
    ],
)
def test_what_cannot_be_published_is_said_before_anything_is_read(  # noqa: PLR0917 (pytest's way)
    words, code, says, samples, monkeypatch, capsys
) -> None:
    pytest.importorskip("cv2")
    for name in [name for name in sys.modules if name.split(".")[0] == "paho"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "paho", None)  # as where it is not installed
    assert main(["read", str(samples / "numbers.jpg"), *words]) == code
    streams = capsys.readouterr()
    assert (streams.out, streams.err.count("\n")) == ("", 1)
    assert says in streams.err
    assert SECRET not in streams.err


def test_the_words_of_the_library_are_those_of_its_source() -> None:
    """The two codes for which a hint is given."""
    codes = pytest.importorskip("paho.mqtt.reasoncodes")
    types = pytest.importorskip("paho.mqtt.packettypes").PacketTypes
    names = [codes.ReasonCode(types.CONNACK, identifier=code).getName() for code in sink._WHO]
    assert names == ["Bad user name or password", "Not authorized"]
