"""What the parts for Windows share."""
