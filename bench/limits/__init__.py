"""What the hardware allows: products, bandwidth and work, measured or counted."""
