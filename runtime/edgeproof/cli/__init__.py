"""The command line. Read in this order: `main` (parses), then one module per verb: `read` (with `batch`, which goes
through the sources), `explain`, `verify`, `bench`, `label`, `service`; `device/` for those about the machine itself, `bundles/`
for `sign`; and `demo`, which `make demo` runs.

May import everything of edgeproof; nothing of edgeproof imports it.
"""
