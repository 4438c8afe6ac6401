"""What the page says about each thing on it: its rows and their turn, the writer's hand, what stands beside it."""
