"""Reading a frame: from a page to digits and numbers, or from pictures to what they show. Classical image processing around one
call of the model.

Read in this order: `reader` (conducts: frame → reading), `binarize` (paper and light out, ink left), `line_removal`
(ruled lines, tables and boxes out; `tracks`, `ruling` and `frames` find them, `lines` says where they run), `segment`
with `grouping` (which pieces of ink are one character), `deskew` (a page that is askew), `views` (one on its side or head),
`looking` (which picture and view is read), `oversegment` (digits that touch, cut in several ways), `rescore` with
`stroke_shape` (what the page says about each candidate), `numbers` (lines, words, numbers in reading order), `table` (cell
by cell). `geometry` holds what several of them share, `reading` what comes out. `pictures` is all there is to frames, and
regions of them, that are pictures to the model.

May import the contract on top of the package (`bundle`, `classifier`, `glyph`, `scores`) and `edgeproof.support`; knows
nothing of where frames come from or where readings go.
"""
