"""What every part leans on and none is about: `command` (the frame of a command line), `terminal` (streams that are there,
text that is safe on them), `files` (whole or absent), `npz`, `tables` (tables ↔ dataclasses), `machine` (facts about it),
`native_output` (what C++ prints, caught), `opencv` (imported once, with its limits), `html_page` (a self-contained page),
`notify` (telling a service manager how it goes), `systemd` (the unit that it runs).

May import `edgeproof.errors` and nothing else of the project.
"""
