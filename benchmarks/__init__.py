"""Figures about a bundle: latency, memory, plots, the README's results table, and the scenes that the samples show."""
