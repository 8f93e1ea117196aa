"""What runs the graphs of an engine bundle, and the policy on top of it. Start at `open`."""
