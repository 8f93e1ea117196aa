"""Fuzzes everything that ngrt reads from files, by hand or for a moment in the tests: ``python -m tests.fuzz``."""
