"""What a wheel says of itself: what it is made of and needs (a bill of materials), and what it was built from.

Read in this order: `locks` (what the lock files pin), `materials` (the bill, CycloneDX), `provenance` (in-toto), `__main__` (into
the wheel).
"""
