"""Films of a sheet that is held before a webcam, with known truth, and how steady their reading is: `film` draws, `steadiness`
counts, `measure` compares what is read frame by frame with what is tracked.
"""
