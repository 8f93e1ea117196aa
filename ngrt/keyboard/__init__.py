"""Keys: read from a person's keyboard, pressed for a game, and let go of whatever happens."""
