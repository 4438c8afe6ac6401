"""Training images that are drawn here: `pen` (strokes become ink), `digits` (forms that MNIST's writers do not use),
`non_digits` (signs, letters, scribbles: what a page holds beside digits); and a whole data set: `signs` (road signs in
colour) with `sign_faces`.

May import `edgeproof.glyph`; the pages that benchmarks draw share nothing with it.
"""
