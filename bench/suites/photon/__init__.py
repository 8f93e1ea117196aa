"""From a picture on the screen to a key in the game: a window that flips, a session that answers."""
