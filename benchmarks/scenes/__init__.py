"""Labelled photographs of written paper, made here: signs and digits as pen strokes, paper, light, lens, and what
disturbs them.

Read in this order: `scene` (a picture and what is written on it), `pen_lines` and `signs` (writing as lines), `writer`
(who writes them), `layout` (what is written where), `photograph/` (the camera), `conditions` (one disturbance each),
`kinds/` (pages as people have them: forms, tables, formulas, a sheet on a table), `robustness` with `report` and `publish`
(the table), `samples` (the sample picture and film).

The digits are MNIST *test* images, handed in as arrays; everything else is drawn. Nothing of this is shared with what
trains: a generator that had drawn the training's negatives would only show how well they were learned by heart.
"""
