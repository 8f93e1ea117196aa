"""A policy's inputs and outputs: its bundle, its actions, its pictures. No engine."""
