"""The search for a better recipe. Read in this order: `space` (what [tune] may change), `study` (trials,
processes, the best recipe).

May import everything of train but the command line.
"""
