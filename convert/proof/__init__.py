"""What is known of a file: executed on all test images, on every runtime, beside Keras, and judged.

Read in this order: `specs` (what a file says of its tensors), `corruption` (harder images), `proof_only_backends`
(runtimes that no device code drives), `evidence` (all that is measured), `threshold` (from which score on an answer is
taken), `gate` (what passes), `layer_error` (where 8 bits lose what).

May import edgeproof's contract, `convert.run_folder`, `options`, `statistics` and `keras_model`; nothing of `export`,
`choose` and `report`.
"""
