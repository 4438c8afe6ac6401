"""What is read, published on an MQTT broker: `address` (what `--mqtt` names), `messages` (what is said), `sink` (saying it)."""
