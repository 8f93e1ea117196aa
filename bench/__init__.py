"""The latency suite."""
