"""What a host says of itself, read from what its shell printed."""

from __future__ import annotations

import pytest

from edgeproof.deploy import facts
from edgeproof.deploy.facts import Python
from edgeproof.errors import UnavailableError

SAID = """Welcome!
edgeproof-host
place 1000 /home/pi/my place
machine aarch64
disk /dev/mmcblk0p2    30000000 1000000 2000000      5% /
systemd running
python ["/usr/bin/python3", [3, 11, 2], 8, true, ["glibc", "2.36"]]
python ["/usr/bin/python3", [3, 11, 2], 8, true, ["glibc", "2.36"]]
python ["/usr/bin/python3.9", [3, 9, 0], 8, false, [null, null]]
end
"""


def test_what_a_host_says_is_read_behind_its_greeting() -> None:
    found = facts.read(SAID, "a")
    assert (found.machine, found.free, found.systemd) == ("aarch64", 2_048_000_000, True)
    assert (found.place, found.root) == ("/home/pi/my place", False)
    assert facts.read(SAID.replace("place 1000", "place 0"), "a").root
    assert [python.path for python in found.pythons] == ["/usr/bin/python3", "/usr/bin/python3.9"]
    assert found.pythons[0].libc_version == (2, 36)


@pytest.mark.parametrize("said", ["", "Welcome!", SAID.replace("end\n", ""), SAID.replace("5%", "")])
def test_half_an_answer_is_none(said: str) -> None:
    with pytest.raises(UnavailableError, match="a: expected a POSIX shell"):
        facts.read(said, "a")


def test_a_32_bit_system_on_a_64_bit_kernel() -> None:
    found = [Python("", (3, 11, 2), bits, True, "glibc", (2, 36)).architecture("aarch64") for bits in (64, 32)]
    assert found == ["aarch64", "armv7l"]
