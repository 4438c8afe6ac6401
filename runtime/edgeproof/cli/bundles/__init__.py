"""Whose bundles are taken, on the command line: the verb `sign`, and the flag `--trust` of the verbs that load one."""
