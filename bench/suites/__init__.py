"""One file a suite: each measures one thing and returns a result."""
