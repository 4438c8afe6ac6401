"""What is read, published. A thread of the library connects, and connects again: a broker that is away holds nothing up.

At most one message waits for the broker's answer. The library sends what was not answered once more after it has connected
again, so with more of them an older text could come behind a newer one, and stay.
"""

from __future__ import annotations

import hashlib
import platform
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgeproof.classifier import Facts
from edgeproof.errors import UnavailableError
from edgeproof.output.mqtt import messages
from edgeproof.output.mqtt.address import Address
from edgeproof.output.records import event_record
from edgeproof.output.shot import Shot
from edgeproof.sources.source import Health

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

CLOSE_S = 0.9  # for the last words; what is not taken by then is not told
KEEPALIVE_S = 30  # a broker that says nothing for so long is gone, and it thinks the same of us
RETRY_S = (1, 30)  # between two attempts to connect: at first, and at most
SETTLED_S = 60.0  # a connection that held for so long was one; what ends earlier is the trouble that was told already
WAITING = 100  # events, for a broker that is slow; of more, the oldest are left out
_WHO = (134, 135)  # wrong user or password, not authorized


class Mqtt:
    """A sink whose `tell` takes what becomes of the source. Neither raises for a broker that is away, nor waits for it."""

    def __init__(
        self,
        address: Address,
        facts: Facts,
        say: Callable[[str], None],
        *,
        discovery: bool = True,
        pictures: bool = False,
    ) -> None:
        """Begin to connect. facts: what runs. say: takes a line for people, from another thread too. discovery: whether Home
        Assistant is told what there is. pictures: whether it is what pictures show, and no numbers.

        Raises UnavailableError without the library.
        """
        self._address, self._facts, self._say_line = address, facts, say
        # Around what follows. Never held while the library is called: it has locks too, and calls back with one held.
        self._turn = threading.Condition()
        self._connected_s: float | None = None  # monotonic clock; None while it is not
        self._asked = False  # whether a message waits for its answer
        self._away = False  # whether an attempt to connect failed, or a connection was lost, since the last one
        self._events: deque[bytes] = deque(maxlen=WAITING)
        self._newest: dict[str, bytes] = {}  # what the broker is to keep, by topic
        self._due: dict[str, None] = {}  # topics of those that it was not given yet
        self._said: set[str] = set()  # of the present trouble
        self._over = False
        self._told: tuple[Any, ...] | None = None  # source and numbers that were published last
        self._health: Health | None = None
        if discovery:
            topic, record = messages.discovery(address.prefix, facts, pictures=pictures)
            self._keep(topic, messages.content(record))
        self._keep(self._topic("availability"), b"online")
        self._client = self._made_client()
        self._client.connect_async(address.host, address.port, KEEPALIVE_S)
        self._client.loop_start()

    def take(self, shot: Shot) -> bool:
        source, self._facts = shot.frame.source, shot.facts
        for event in shot.tracked.events if shot.tracked else ():
            with self._turn:
                if self._connected_s is not None:
                    self._events.append(messages.content(event_record(source, event)))
        numbers = messages.numbers(shot)
        told = (source, *((number["id"], number["text"]) for number in numbers))
        if told != self._told:
            self._told = told
            self._keep(self._topic("numbers"), messages.content({"source": source, "numbers": numbers}))
        self._tell_state(source)
        self._send()
        return True

    def tell(self, health: Health) -> None:
        """What has become of a live source."""
        self._health = health
        self._tell_state(health.source)
        self._send()

    def close(self) -> None:
        """Say that nobody reads any more. Waits at most `CLOSE_S` for the broker to take that, and what was there to say."""
        if self._over:
            return
        offline = self._topic("availability")
        self._keep(offline, b"offline")
        self._send()
        with self._turn:
            self._turn.wait_for(lambda: self._away or not self._waits(), timeout=CLOSE_S)
            late = not self._away and self._waits()
        if late:
            self._say("the broker did not take the last messages in time")
            if self._connected_s is not None:  # before the farewell, after which the broker does not say so itself
                self._client.publish(offline, b"offline", qos=1, retain=True)
        self._over = True
        self._client.disconnect()

    def _made_client(self) -> Client:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as missing:
            raise UnavailableError(
                f"--mqtt: expected the package paho-mqtt 2, found none ({missing}): install edgeproof[mqtt]"
            ) from None
        address = self._address
        # The same after a power cut: else the broker, which finds out later, would publish the will of the connection before.
        whose = hashlib.sha256(f"{platform.node()}/{address.prefix}".encode()).hexdigest()
        client = Client(CallbackAPIVersion.VERSION2, f"edgeproof-{whose[:12]}")
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            client.tls_set_context()  # the system's certificates, and the host's name checked
        client.will_set(self._topic("availability"), b"offline", qos=1, retain=True)
        client.reconnect_delay_set(*RETRY_S)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_publish = self._on_disconnect, self._on_publish
        return client

    def _topic(self, name: str) -> str:
        return f"{self._address.prefix}/{name}"

    def _tell_state(self, source: str) -> None:
        """That of the source, or while it is live that of the device that the model runs on."""
        state, reason = "degraded" if self._facts.degraded else "live", self._facts.degraded
        if self._health and self._health.source == source and self._health.state != "live":
            state, reason = self._health.state, self._health.reason
        self._keep(self._topic("state"), messages.content({"source": source, "state": state, "reason": reason}))

    def _keep(self, topic: str, content: bytes) -> None:
        """What the broker is to keep under `topic`, unless it is what it keeps already."""
        with self._turn:
            if self._newest.get(topic) != content:
                self._newest[topic] = content
                self._due[topic] = None

    def _waits(self) -> bool:
        return self._asked or bool(self._events or self._due)

    def _send(self) -> None:
        """Give the broker the next message, if it has answered the one before."""
        with self._turn:
            if self._connected_s is None or self._asked or not self._waits():
                return
            self._asked = True
            if self._events:
                topic, content, keep = self._topic("event"), self._events.popleft(), False
            else:
                topic = next(iter(self._due))
                del self._due[topic]
                content, keep = self._newest[topic], True
        self._client.publish(topic, content, qos=1, retain=keep)

    def _on_publish(self, *_facts: object) -> None:
        with self._turn:
            self._asked = False
            self._turn.notify_all()
        self._send()

    def _on_connect(self, client: Client, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        if self._over:
            client.disconnect()
            return
        if reason.is_failure:
            hint = ": check user and password" if reason.value in _WHO else ""
            self._lost(f"the broker refuses, {reason}{hint}")
            return
        with self._turn:
            self._connected_s, self._away = time.monotonic(), False
            self._due = dict.fromkeys(self._newest)  # one that was started anew has forgotten them
        if self._said:
            self._say("connected")
        self._send()

    def _on_connect_fail(self, *_facts: object) -> None:
        error = sys.exception()  # the library calls this while it handles the error
        self._lost(f"the broker is not reached, {getattr(error, 'strerror', None) or error}")

    def _on_disconnect(self, *_facts: object) -> None:
        since = self._connected_s
        if since is None:  # it was refused
            return
        if time.monotonic() - since > SETTLED_S:
            self._said.clear()
        self._lost("the connection is lost")

    def _lost(self, reason: str) -> None:
        with self._turn:
            self._connected_s, self._away = None, True
            self._events.clear()
            self._turn.notify_all()
        self._say(f"{reason}; it is tried again, and reading goes on")

    def _say(self, text: str) -> None:
        """Once in each trouble: a broker may be away for a week."""
        if not self._over and text not in self._said:
            self._said.add(text)
            self._say_line(f"{self._address.shown}: {text}")
