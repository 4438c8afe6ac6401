"""How the camera sees a sheet: `ground` (what it lies on), `place` (where it lies), `light`, `camera`."""
