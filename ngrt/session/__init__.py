"""Composition: from settings to devices, guards, an engine and a session that plays them. Knows no terminal."""
