"""Which ink is one character: broken strokes joined, digits that touch cut."""
