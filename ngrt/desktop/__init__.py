"""The windows of a desktop: which one is a game's, waiting for it, following it. One file a platform."""
