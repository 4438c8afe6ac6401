"""Over time: what a live source shows, from the readings of its frames. Read in this order: `tracker` (what comes of a frame),
`tracks` (places that hold a digit), `numbers` (when a number is told), `belief` (what something is, by all that was read),
`motion` (how the sheet moved), `assignment` (which digit is which);
`regions` (of pictures, which stay where they are).
"""
