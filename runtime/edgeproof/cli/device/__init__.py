"""The verbs about the machine itself: `doctor` (what works here), `cameras` (which are there), `tune` (what is fastest here)."""
