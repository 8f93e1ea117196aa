"""ngrt plays games with the NitroGen policy in real time."""
