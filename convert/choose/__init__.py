"""Which artifact on which runtime to deploy. Read in this order: `latency` (timed by turns), `choice` (limits, then a
goal, and no difference that was not shown), `pruning_benefit` (smaller and faster, or not shipped).

May import `convert.proof`, `statistics` and edgeproof's `bench.timing`; nothing of `report`.
"""
