"""The web page of a device without a screen (`read --web`): what the camera sees, what is read, and a sketchpad to try it.

Read in this order: `server` (the page as a sink), `app` (which address answers what), `serving` (files, and a thread from `start`
to `close`), `guard` (who may ask), `connection` (how long a client may take, and how much it may send), `stream` (the newest
frame and state to many viewers), `state` (what the page knows), `sketch` (a posted picture, read), `metrics` (for Prometheus),
`address` (where it listens), `packages` (what it needs).

Nothing here changes anything: every address only shows, and a posted picture is read and forgotten. `label` is a page of its
own, which does change files.
May import `edgeproof.output`, `edgeproof.page`, `edgeproof.sources`, the contract and `edgeproof.support`.
"""
