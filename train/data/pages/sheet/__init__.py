"""What is written on: `noise` (of which materials are made), `sheet` (a surface with the truth of its ink), `paper` (kinds of
surface), `ground` (what a sheet lies on)."""
