"""From a run folder to a bundle in which no artifact's claim is untested: `python -m convert run RUN`.

Read in this order: `pipeline` (the whole job, top to bottom), `run_folder` and `options` (what comes in), `variants` with
`tflite`, `onnx_export`, `onnx_int8`, `qat` and `prune` (what is made; the last two in a `child` process), `specs` (what each
file says of its tensors), `proof`, `gate` and `rank` (what
is known of it, and what passes), `report` (what a person sees), then `verify` and `ship`.
"""
