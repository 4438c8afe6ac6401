"""From a run folder to a bundle in which no artifact's claim is untested: `python -m convert run RUN`.

Read in this order: `pipeline` (the whole job, top to bottom), `run_folder` and `options` (what comes in), `keras_model`
(the model, opened with suspicion; `elsewhere/`: a model of other people), then the rooms in the order of the work:
`export/` (what is made), `proof/` (what is known of it, and what passes), `choose/` (what to deploy), `report/` (what a
person sees), `provenance` (where a bundle comes from); `verbs/` is what can be done with a finished bundle. `h5/` makes
older models into ones that can be opened. `statistics` is the arithmetic of all of them, `child_environment` what their
child processes are given.

May import edgeproof; never train or benchmarks: stages talk through files.
"""
