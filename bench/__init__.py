"""The latency suite."""

import ngrt  # noqa: F401  (first of all: it lets no library report its use)
