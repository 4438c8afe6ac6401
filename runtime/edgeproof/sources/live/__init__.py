"""Cameras and streams: a process per source, which reads always and hands over the newest frame when it is asked.

In the parent: `live` (frames, and what has become of the source), `capture_child` (the process, and another one when it dies).
In the child: `serve` (answers), `capture` (the thread that reads, and opens again), `opencv_capture` and `http_capture` (what it
reads with). Both: `messages` (what they say to each other), `options`, `backoff`.

Why a process: a driver or a library that hangs inside a call can only be ended with its process, and one dead camera made
every other of the same process wait.
"""
