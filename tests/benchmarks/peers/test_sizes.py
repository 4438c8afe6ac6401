"""What a peer takes on the disk."""

from __future__ import annotations

from benchmarks.peers import readers, sizes
from benchmarks.peers.readers import Peer


def test_sizes_count_each_package_once() -> None:
    needed = sizes.required(("edgeproof", "numpy", "NumPy", "ai-edge-litert"))
    assert {"edgeproof", "numpy", "ai-edge-litert", "flatbuffers"} <= needed
    assert "opencv-python" not in needed  # only an extra asks for it
    alone = sizes.installed_bytes(Peer(lambda _: None, readers.as_read, "", ("numpy",)))
    both = sizes.installed_bytes(Peer(lambda _: None, readers.as_read, "", ("numpy", "ai-edge-litert")))
    assert alone is not None
    assert both is not None
    assert 10 * 2**20 < alone < both
