"""The rendezvous of the workers of one training, before TensorFlow is asked to bring them together.

TensorFlow waits an hour for a worker that does not come, and hears neither Ctrl-C nor SIGTERM meanwhile. Here the
others call the chief at its own address, it answers when all have called, and whoever is missing is named in time.
"""

from __future__ import annotations

import socket
import time

from edgeproof.errors import EdgeproofError, UsageError

WAIT_S = 300.0
_GO = b"go"


def rendezvous(index: int, addresses: tuple[str, ...], wait_s: float = WAIT_S) -> None:
    """Return when worker `index` and all others of `addresses` (host:port, the chief's first) have come here.

    Raises EdgeproofError when one has not within `wait_s`, UsageError for an address that is none.
    """
    host, _, port = addresses[0].rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"TF_CONFIG: expected addresses like host:7001, found '{addresses[0]}'")
    deadline = time.monotonic() + wait_s
    if index == 0:
        _gather(int(port), addresses, deadline, wait_s)
    else:
        _call(index, (host, int(port)), deadline, wait_s)


def _gather(port: int, addresses: tuple[str, ...], deadline: float, wait_s: float) -> None:
    """The chief: hear everyone, then answer everyone."""
    callers: dict[int, socket.socket] = {}
    with socket.create_server(("", port)) as server:
        while missing := set(range(1, len(addresses))) - callers.keys():
            server.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                caller, _ = server.accept()
                caller.settimeout(5)
                callers[int(caller.recv(16))] = caller
            except TimeoutError:
                if time.monotonic() > deadline:
                    names = ", ".join(f"{number} ({addresses[number]})" for number in sorted(missing))
                    raise EdgeproofError(
                        f"expected all {len(addresses)} workers within {wait_s:.0f} s, found no worker {names}: "
                        "start the same command on each machine, with its own index in TF_CONFIG"
                    ) from None
            except (OSError, ValueError):  # something else called, or a worker that went away again
                continue
    for caller in callers.values():
        with caller:
            caller.sendall(_GO)
            caller.shutdown(socket.SHUT_WR)
            caller.recv(1)  # they close first: the port is free for TensorFlow at once


def _call(index: int, chief: tuple[str, int], deadline: float, wait_s: float) -> None:
    """Everyone else: call until the chief answers."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection(chief, timeout=min(left, 5)) as call:
                call.sendall(str(index).encode())
                call.settimeout(left)
                if call.recv(len(_GO)) == _GO:
                    return
        except OSError:  # not there yet
            pass
        time.sleep(0.2)
    raise EdgeproofError(
        f"expected the chief's answer from {chief[0]}:{chief[1]} within {wait_s:.0f} s, found none: "
        "start all workers, and see what the chief says"
    )
