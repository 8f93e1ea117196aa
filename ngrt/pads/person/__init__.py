"""Real pads in a person's hands."""
