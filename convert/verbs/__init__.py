"""What can be done with a finished bundle, one module per verb of `python -m convert`: `verify`, `compare`, `select`,
`c_source`, `ship`; and with a run, whether the gate would refuse it damaged: `sabotage`; and with an older model:
`import_h5`. (`run` is `convert.pipeline`.)

May import everything else of convert; nothing of convert imports it but the command line.
"""
