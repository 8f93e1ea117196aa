"""What is measured: engines on their backends, and the reference's way."""
