"""Figures about a bundle and its reading, each by a command: `python -m benchmarks VERB`.

Rooms: `latency/` (times per artifact and backend), `check/` (beside times that were kept), `frontier/` (bundles beside each
other), `roofline/` (beside what one core can do), `scenes/` (robustness on drawn photographs), `tracking/` (films), `peers/`
(beside other readers), `exporters/` (beside other exporters). Single measures: `pipeline` (reading a frame beside a bare
script), `touching` (digits that touch), `sensitivity` with `page_constants` (what each constant of the page reader is worth).
Below them all: `tutorial` (the usual way to read digits), `scoring` (counts), `published` (writes).

May import edgeproof; never train or convert: it takes a run's test images from the run folder, and what it exports it
exports by programs, as users do. Rooms import what lies below, peers and the single measures also scenes; nothing imports
in circles.
"""
