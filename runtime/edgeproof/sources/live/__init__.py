"""Cameras and streams: a process per source, which reads always and hands over the newest frame when it is asked.

`live` gives frames, and what has become of the source; `capture_child` is the process as its parent sees it, and the next one
when it dies; `child` is what runs in it. Both sides: `messages` (what they say to each other), `options`, `backoff`.

Why a process: a driver or a library that hangs inside a call can only be ended with its process, and one dead camera made
every other of the same process wait.
"""
