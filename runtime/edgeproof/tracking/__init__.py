"""Over time: what a live source shows, from the readings of its frames. Read in this order: `tracker` (what comes of a frame),
`numbers` (when a number is told), `belief` (what a place holds, by all that was read there), `motion` (how the sheet moved),
`assignment` (which digit is which).
"""
