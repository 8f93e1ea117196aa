"""The command line: one file for each group of commands. Only this room and `ngrt.view` print."""
