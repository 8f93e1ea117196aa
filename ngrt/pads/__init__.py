"""Virtual pads that a policy drives. Start at `open`."""
