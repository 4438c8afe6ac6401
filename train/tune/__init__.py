"""The search for a better recipe. Read in this order: `space` (what [tune] may change), `cost` (multiplications of a
model), `study` (trials, processes, the best recipe).

May import everything of train but the command line.
"""
