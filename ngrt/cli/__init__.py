"""The command line: one file a group of commands. Only here and in `ngrt.view` is anything printed."""
