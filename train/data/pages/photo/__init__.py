"""How the camera sees a sheet: `place` (where it lies), `objects` (what lies on it), `light`, `camera`."""
