"""Pages as people photograph them, drawn with the truth of everything on them: what the reader of pages is fitted on.

`draw` (`draw_page`, `LAYOUTS`) makes a page; `truth` says what it holds; `hand/` writes, `sheet/` is what is written on,
`layouts/` what is written where, `photo/` how the camera sees it. `command` is `python -m train pages`.

Shares nothing with the scenes that benchmarks draw: what is fitted here is measured there.
"""
