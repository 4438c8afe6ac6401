"""What is made of a model: one exporter per format and precision, each a function that returns the file's bytes.

Read in this order: `variants` (one row per artifact), `tflite`, `onnx_float`, `onnx_int8`, then what takes training:
`qat` with `tf_keras_copy`, `pruning` with `layers`, both in a `child` process; `saturation` and `unsupported` say what
a CPU or a format cannot.

May import edgeproof's contract and support, `convert.options`, `convert.keras_model` and `convert.child_environment`. What is in
a file depends on this folder alone: its hash decides whether an earlier export is still good (`convert.provenance`).
"""
