"""Two versions of a bundle on a device, `current` and `previous`, and the trial that a new one has to pass.

Read `folder` (what lies where, and how it is changed), then `verdict` (when a new version is refused: a pure function of counts),
`trial` (what is counted), `update` (the verb's side) and `follow` (the side of a reader that goes on meanwhile). The two sides
talk through the files in the folder alone, so that either may be absent, or killed at any moment.
"""
