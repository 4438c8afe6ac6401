"""What is learned from. Read in this order: `samples` (a data set split, joined by drawn images), `datasets` (the published
sets by name, each checked against its pinned hash) with `sources` (where they can be had), `idx` and `cifar` (their
formats), `own` (a folder of one's own pictures) with `ink` (a picture becomes a glyph); `synthetic/` draws digits,
non-digits and road signs, `pages/` whole pages.

May import `train.recipe` and edgeproof's contract, `page`, `sources` and `support`; nothing else of train.
"""
