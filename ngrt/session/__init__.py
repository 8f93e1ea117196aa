"""Composition: from settings to devices, guards, a policy, and a session that plays. Knows no terminal."""
