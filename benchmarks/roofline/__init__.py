"""`python -m benchmarks roofline`: how near a bundle's artifacts come to what one core can do, and what is left.

Read in this order: `operations` (the arithmetic of a model file; `onnx_file`, `tflite_file` read it), `one_operator` (models of a
single operator, to measure with), `peaks` (what the core can do), `profiles` (time per operator; `litert_child` asks LiteRT),
`measure` (the verb), `report` (what is said), `plot`, `publish`.
"""
