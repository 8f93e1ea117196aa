"""The connection to an X server, for all that talk to one."""
