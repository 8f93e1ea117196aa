"""What can be watched: screens, windows, videos, images. Start at `open`."""
