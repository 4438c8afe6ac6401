"""A real broker on loopback that can be stopped, restarted and made to hang, and a client that listens there."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def wait_for(true: Callable[[], Any], within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


class Broker:
    """Mosquitto on a port of its own, which stays the same; it keeps nothing over a restart."""

    def __init__(self, folder: Path) -> None:
        self._config, self._process = folder / "mosquitto.conf", None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.options: Sequence[str] = ("allow_anonymous true",)

    def up(self, *options: str) -> None:
        self.options = options or self.options
        lines = (f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}", "persistence false", *self.options)
        self._config.write_text("\n".join(lines) + "\n")
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def hang(self) -> None:
        """Connections stay, and nothing is answered, until it is told to `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def down(self) -> None:
        """From now on the port refuses."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Listener:
    """Everything that is published: `messages` as topic, content, whether it was kept from before."""

    def __init__(self, broker: Broker, user: str | None = None, password: str | None = None) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[str, str, bool]] = []
        subscribed: list[object] = []
        self._client = Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, message.payload.decode(), message.retain)
        )
        self._client.on_subscribe = lambda *facts: subscribed.append(facts)
        self._client.reconnect_delay_set(0.1, 0.1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.subscribe("#", qos=1)
        self._client.loop_start()
        wait_for(lambda: subscribed)

    def newest(self, topic: str) -> Any:
        """As JSON where it is; None for nothing."""
        found = [content for name, content, _ in self.messages if name == topic]
        if not found:
            return None
        return json.loads(found[-1]) if found[-1].startswith("{") else found[-1]

    def texts(self, topic: str = "door/1/numbers") -> list[str] | None:
        newest = self.newest(topic)
        return newest and [number["text"] for number in newest["numbers"]]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not here")
    if MOSQUITTO is None or os.name != "posix":
        pytest.skip("no mosquitto here")
    made = Broker(tmp_path)
    yield made
    made.down()


@pytest.fixture
def listen(broker: Broker) -> Iterator[Callable[..., Listener]]:
    """`listen()` begins to take everything that is published."""
    begun: list[Listener] = []

    def begin(*who: str) -> Listener:
        begun.append(Listener(broker, *who))
        return begun[-1]

    yield begin
    for listener in begun:
        listener.close()
