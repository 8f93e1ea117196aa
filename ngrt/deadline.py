"""Work with a limit in time, written once."""
