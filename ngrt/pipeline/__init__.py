"""The three tasks of a session and the loop that joins them; start reading at `run`."""
