"""From here to a device over ssh: the program and a bundle as one release, checked there, and switched to in one step.

In the order of reading: `address` (whom), `facts` (what a host says of itself), `wheels` and `plan` (what it needs, or why it
cannot be), `ssh` (the one connection), `on_host` (the far side, a program of its own), `deploy` (the steps), `report` (what is
kept of them). The system's own ssh does all that has to do with keys and passwords.
"""
