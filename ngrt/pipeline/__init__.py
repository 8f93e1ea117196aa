"""The three tasks of a session and the main loop that joins them; start reading at `ngrt.pipeline.run`."""
