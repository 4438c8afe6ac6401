"""Writing: `strokes` (paths, also of a glyph's image), `alphabet` (letters and signs as strokes), `writer` (one person's hand),
`pen` (a path becomes ink), `fonts` (print)."""
